/**
 * `npm run start -- part3 --gateway`: part3/my/server.ts begins where the server of part 2 stands. The reader's own, if the
 * checks of part 2 pass; ours, if not. The checks are run and no list of what had passed is believed: it does not say
 * which file passed.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../harness/server-process.ts';
import { STAGES } from '../../stages.ts';
import { stepsOf } from '../ladder.ts';
import { wrap } from '../tell/report.ts';
import { lookOf } from '../tell/terminal.ts';
import { grade } from './check.ts';
import { fail, say } from './output.ts';
import { type Copied, copiesOf } from './program-copy.ts';
import { myFile, myFolder, SERVER, spoken } from './reader.ts';

const SERVER_FILE = myFile('part3');
const OURS = path.join(ROOT, STAGES.findLast(({ part }) => part === 'part2')?.file ?? '');

export async function startGateway(force: boolean): Promise<number> {
  if (SERVER !== '') return goOnWith(SERVER);
  if (existsSync(SERVER_FILE) && !force) {
    say(`${spoken(SERVER_FILE)} is there already and stays as it is (--force writes over it).`);
    say('  next: npm run learn -- part3');
    return 1;
  }
  const mine = myFile('part2');
  const own = existsSync(mine) ? movedHere(mine) : undefined;
  const inTheWay = (copies: readonly Copied[] = []) => (force ? undefined : copies.find(isOther));
  const early = inTheWay(own);
  if (early) return fail(cannotCopy(early)); // before the reader has waited for all checks
  const isGood = own !== undefined && (await passesPart2(spoken(mine)));
  const copies = isGood ? own : movedHere(OURS);
  const late = inTheWay(copies);
  if (late) return fail(cannotCopy(late));
  for (const { target, content } of copies) {
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
  tell(copies, isGood ? 'yours' : own ? 'yours fails' : 'there is none');
  return 0;
}

function movedHere(entry: string): Copied[] {
  const to = myFolder('part3');
  return copiesOf({ entry, from: path.dirname(entry), to, name: path.basename(SERVER_FILE) });
}

/** Whether the reader has another file in a copy's place. */
function isOther({ target, content }: Copied): boolean {
  return existsSync(target) && !readFileSync(target).equals(content);
}

function cannotCopy({ source, target }: Copied): string {
  const [there, wanted] = [spoken(target), spoken(source)];
  return `${there} is there already, and ${wanted} would be copied to it: move yours away, or say --force, which writes over it`;
}

/** Runs the checks of part 2, as far as they pass, and shows them. */
async function passesPart2(mine: string): Promise<boolean> {
  say(`The gateway can begin with ${mine}, if the checks of part 2 pass. They are run now:`, '');
  const verdicts = await grade(stepsOf('part2'), { all: false, isPart: true });
  say('');
  return verdicts.every(({ state }) => state !== 'failed');
}

const REASONS = {
  yours: () => 'The checks of part 2 pass, so your gateway begins as a copy of your server.',
  'yours fails': (ours: string) =>
    `Your server does not pass part 2 yet, so your gateway begins as a copy of ours, ${ours}. When yours passes, you can ` +
    'change over: npm run start -- part3 --gateway --force',
  'there is none': (ours: string) =>
    `${spoken(myFile('part2'))} is not there, so your gateway begins as a copy of our server of part 2, ${ours}.`,
};

function tell(copies: readonly Copied[], reason: keyof typeof REASONS): void {
  const { width } = lookOf(process.stdout);
  say(...wrap(REASONS[reason](spoken(OURS)), width));
  for (const { source, target } of copies)
    say(`${spoken(target)} is yours now, a copy of ${spoken(source)}.`);
  say('', 'It serves as it did:', `  npx tsx ${spoken(SERVER_FILE)} wsgiapp:app`);
  const isLadder = stepsOf('part3').every(({ file }) => !file || existsSync(myFile('part3', file)));
  if (!isLadder)
    say(...wrap('The ladder before it has files of its own:', width), '  npm run start -- part3');
  say('', 'Open it in your editor, and in a terminal beside it:', '  npm run learn -- part3');
}

/** A program in any language has its own place, and is not ours to copy. */
function goOnWith(command: string): number {
  const { width } = lookOf(process.stdout);
  const quoted = JSON.stringify(command);
  say(
    ...wrap(
      'SERVER names a program of yours. It stays where it is: go on with it, or with a copy that you make and name.',
      width,
    ),
    `  SERVER=${quoted} npm run learn -- part3`,
  );
  return 0;
}
