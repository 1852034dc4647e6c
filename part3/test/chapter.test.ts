import { stepsOf } from '../../shared/checks/ladder.ts';
import { FILES } from '../../shared/weave/book.ts';
import { describeChapter } from '../../shared/weave/describe-chapter.ts';
import { describeTyping } from '../../shared/weave/describe-typing.ts';

for (const file of FILES.filter((one) => one.startsWith('part3/'))) describeChapter(file);
describeTyping('part3', stepsOf('part3'));
