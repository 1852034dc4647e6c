import { describeChapter } from '../../shared/harness/describe-chapter.ts';

describeChapter('part2/README.md');
