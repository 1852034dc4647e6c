/**
 * What tsx does for a program of ours, for the tests, which start some thousand of them: what was compiled once stays compiled,
 * and so a program is there in half the time. `node --import ./shared/harness/quick.js program.ts`
 */
import { register } from 'node:module';

register('./quick-hooks.js', import.meta.url);
