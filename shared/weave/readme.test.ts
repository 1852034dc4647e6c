import { describeChapter } from '../harness/describe-chapter.ts';

describeChapter('README.md');
