import { describeChapter } from '../../shared/harness/describe-chapter.ts';

describeChapter('part1/README.md');
