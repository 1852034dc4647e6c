import { describeChapter } from '../../shared/weave/describe-chapter.ts';

describeChapter('part3/README.md');
