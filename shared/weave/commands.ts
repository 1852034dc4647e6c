/**
 * What a chapter tells its reader to type with npm exists: chapters come in, and what the project has to offer; faults go
 * out. Nothing is run.
 */
import type { Chapter, Fault } from './chapter.ts';

/** What there is to type. */
export interface Offer {
  readonly scripts: readonly string[];
  /** Ids of stages for each part. */
  readonly stages: Readonly<Record<string, readonly string[]>>;
  /** Ids and names of checks. */
  readonly checks: readonly string[];
}

const RUN = /\bnpm run (?:(?:-s|--silent) )?([\w:-]+)((?: -- | +(?=-))[^`|&;#>]*)?/g;

/** Every `npm run X` in inline code and in fences names a script, and the stage or the check behind it. */
export function checkCommands({ file, codes }: Chapter, offer: Offer): Fault[] {
  return codes.flatMap(({ line, text }) =>
    [...text.matchAll(RUN)].flatMap(([, script = '', rest = '']) => {
      const words = rest
        .trim()
        .split(/\s+/)
        .filter((word) => word !== '' && word !== '--');
      const message = examine(script, words, offer);
      return message ? [{ file, line, message }] : [];
    }),
  );
}

function examine(script: string, words: string[], { scripts, stages, checks }: Offer) {
  if (!scripts.includes(script)) return `package.json has no script \`${script}\``;
  const [first = ''] = words;
  const own = stages[script];
  const looksLikeStage = /^(\d[a-z]|[a-z]+\d?)$/.test(first);
  if (own && looksLikeStage && !own.includes(first))
    return `${script} has no stage \`${first}\`: there are ${own.join(', ')}`;
  if (!['check', 'hint', 'solution', 'learn', 'start'].includes(script)) return undefined;
  const target = words.find((word) => !word.startsWith('-')) ?? '';
  const isPart = /^(part)?[123]$/.test(target);
  const takesParts = !['hint', 'solution'].includes(script);
  const takesChecks = !['learn', 'start'].includes(script);
  if (target === '' || (takesParts && isPart) || (takesChecks && checks.includes(target)))
    return undefined;
  return `\`npm run ${script}\` knows no \`${target}\``;
}
