import { describeChapter } from '../../shared/harness/describe-chapter.ts';

describeChapter('part3/README.md');
