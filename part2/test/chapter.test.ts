import { stepsOf } from '../../shared/checks/ladder.ts';
import { describeChapter } from '../../shared/weave/describe-chapter.ts';
import { describeTyping } from '../../shared/weave/describe-typing.ts';

describeChapter('part2/README.md');
describeTyping('part2', stepsOf('part2'));
