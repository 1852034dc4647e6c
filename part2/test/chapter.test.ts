import { describeChapter } from '../../shared/harness/describe-chapter.ts';
import { describeTyping } from '../../shared/harness/describe-typing.ts';

describeChapter('part2/README.md');
describeTyping('part2');
