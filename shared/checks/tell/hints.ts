/** What the checker says beside verdicts: hints, the list, the end of a part. Text only, as in report.ts. */
import type { Check, Part } from '../check.ts';
import { exercisesOf, stepsOf } from '../ladder.ts';
import { aligned, type Look, label, ladderLine, placeOf, twoLines, wrap } from './report.ts';

/** What a part leaves open, which the next one answers. */
const QUESTIONS: Record<Part, string> = {
  part1:
    'Part 2 asks: how does your server run applications it has never seen, written for Express, Koa, Fastify or Hono, without a line changed in any of them?',
  part2: 'Part 3 asks: how does your server serve more than one client at a time?',
  part3:
    'There is no next part: you have built a web server, from the handshake to the last child process. What will you run on it?',
};

/** All hints up to a level; the newest is the last. */
export function hintText(check: Check, level: number, { width, paint }: Look): string[] {
  const { id, hints, goal } = check;
  const given = hints.slice(0, level).flatMap((hint, i) => {
    const lines = wrap(`${i + 1}. ${hint}`, width, '  ');
    return i + 1 === level ? lines : lines.map((line) => paint('dim', line));
  });
  const more =
    level < hints.length
      ? [`One more: npm run hint -- ${id}`]
      : [
          `That was the last. The chapter: ${placeOf(check)}`,
          `Our program: npm run solution -- ${id} --peek`,
        ];
  return [
    ...wrap(`Hint ${level} of ${hints.length} for ${label(check)}: ${check.title}`, width),
    ...wrap(`To learn: ${goal}`, width, '  ').map((line) => paint('dim', line)),
    ...given,
    ...more.flatMap((line) => twoLines(line, width)),
  ];
}

export function listText(part: Part, passed: readonly string[], look: Look): string[] {
  const exercises = exercisesOf(part);
  const list = aligned(look, [...stepsOf(part), ...exercises]);
  const line = (check: Check) =>
    ladderLine(check, passed.includes(check.id) ? 'passed' : 'open', list);
  const rest = exercises.length > 0 ? ['', 'Exercises', ...exercises.map(line)] : [];
  return [...stepsOf(part).map(line), ...rest];
}

/** Nobody is left alone at the end, nor told that he has passed what could not be tried here. */
export function endText(
  part: Part,
  passed: readonly string[],
  withExercises: boolean,
  look: Look,
): string[] {
  const number = Number(part.slice(-1));
  const steps = stepsOf(part);
  const done = steps.filter(({ id }) => passed.includes(id)).length;
  const score =
    done === steps.length
      ? `all ${done} checks pass`
      : `${done} checks pass, and ${steps.length - done} were skipped`;
  const isLeft = exercisesOf(part).some(({ id }) => !passed.includes(id));
  const exercises = withExercises || !isLeft ? [] : exercisesOf(part);
  const next = number < 3 ? [`  npm run start -- part${number + 1}`] : [];
  return [
    look.paint('green', `Part ${number} is done: ${score}.`),
    ...wrap(QUESTIONS[part], look.width),
    ...next,
    ...(exercises.length > 0
      ? [
          '',
          ...wrap(
            `Before you go on, ${exercises.length} exercises (npm run check -- ID):`,
            look.width,
          ),
        ]
      : []),
    ...exercises.map((check) =>
      ladderLine(check, passed.includes(check.id) ? 'passed' : 'open', aligned(look, exercises)),
    ),
  ];
}
