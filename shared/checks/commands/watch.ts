/**
 * Says when a file in a folder has been saved, by whatever editor: in place, by renaming, in a folder that was replaced.
 * Events only wake us; what counts is that the files look different. Where there are no events (a Windows disk
 * seen from WSL, a network) a look twice a second does.
 */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import path from 'node:path';

/** Milliseconds of quiet after a change: an editor that empties, writes and renames is done by then. */
const QUIET = 40;
const POLL = 500;

/** Calls back after each save in a folder that is there then, until the returned function is called. */
export function watchFolders(folders: () => readonly string[], onSave: () => void): () => void {
  const signatures = () => folders().map(signature).join();
  let seen = signatures();
  let quiet: NodeJS.Timeout | undefined;
  const look = () => {
    const now = signatures();
    if (now === seen) return;
    seen = now;
    clearTimeout(quiet);
    quiet = setTimeout(onSave, QUIET);
  };
  const watchers = folders().flatMap((folder) => open(folder, look)); // to later ones the poll comes
  const poll = setInterval(look, POLL);
  return () => {
    clearTimeout(quiet);
    clearInterval(poll);
    for (const watcher of watchers) watcher.close();
  };
}

function open(folder: string, look: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, look);
    return [watcher.on('error', () => watcher.close())];
  } catch {
    return []; // too many watchers, or no such thing here: the poll does it alone
  }
}

/** Names, sizes and times of the files that may matter; hidden ones are ours and the editor's. */
function signature(folder: string): string {
  try {
    return readdirSync(folder)
      .filter((name) => !/^\.|~$|^4913$/.test(name)) // 4913: vim, asking whether it may write
      .map((name) => {
        const { mtimeMs, size, ino } = statSync(path.join(folder, name));
        return `${name} ${mtimeMs} ${size} ${ino}`;
      })
      .join();
  } catch {
    return ''; // in the middle of being replaced
  }
}
