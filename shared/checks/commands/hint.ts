/** `npm run hint`: one hint more each time. */
import type { Check } from '../check.ts';
import { hintText } from '../tell/hints.ts';
import { lookOf } from '../tell/terminal.ts';
import { say } from './output.ts';
import { takeHint } from './progress.ts';

export function hint(check: Check): number {
  say(...hintText(check, takeHint(check), lookOf(process.stdout)));
  return 0;
}
