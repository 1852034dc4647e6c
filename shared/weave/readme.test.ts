import { describeChapter } from './describe-chapter.ts';

describeChapter('README.md');
