/**
 * Checks of parts 2 and 3 on a gateway in Python. It cannot import applications in TypeScript, so it is given their
 * twins: other modules by the names that `import` takes, with the same answers. All else is the same.
 */
import type { StartOptions } from '../../harness/server-process.ts';
import { Trial, type TrialOptions } from './trial.ts';

/** Where the twins are, and Python's example apps. */
const FOLDERS = ['shared/apps', 'shared/harness'];
const TWINS: Readonly<Record<string, string>> = {
  'shared/harness/contract-app': 'contract_app',
  'shared/harness/changing-app': 'changing_app',
};

export class PythonTrial extends Trial {
  override start(options: TrialOptions = {}) {
    return super.start(inPython(options));
  }

  override runToEnd(options: StartOptions = {}) {
    return super.runToEnd(inPython(options));
  }
}

/** What an application calls, as its language spells it. */
export function startResponseOf(trial: Trial): string {
  return trial instanceof PythonTrial ? 'start_response' : 'startResponse';
}

/** The command of a gateway, such that Python finds the applications. */
export function findingPythonApps(command: readonly string[]): string[] {
  const { PYTHONPATH } = process.env;
  const folders = [...FOLDERS, ...(PYTHONPATH ? [PYTHONPATH] : [])];
  return ['env', `PYTHONPATH=${folders.join(':')}`, ...command];
}

/** Whether the command of a gateway says that it is in Python: it is python, or runs a file of its. */
export function isPython([program = '', ...args]: readonly string[]): boolean {
  const isInterpreter = /^(python|pypy)[\d.]*$/.test(program.split('/').at(-1) ?? '');
  return isInterpreter || [program, ...args].some((word) => word.endsWith('.py'));
}

function inPython({ app, ...options }: TrialOptions): TrialOptions {
  if (app === undefined) return options;
  const [module = '', name] = app.split(':');
  return { ...options, app: `${TWINS[module] ?? module}:${name}` };
}
