/** What the live parts of the pages share: the token of this start, the reader's progress, the scene on the wire. */
import { withBase } from 'vitepress';
import { reactive, ref, shallowRef } from 'vue';

export interface Scene {
  server: string;
  script: string;
  clients: number;
  command: string;
}

interface Part {
  passed: string[];
  failed: Record<string, string>;
}

/** Empty where the pages were only written: then nothing is live, and the pages say how it would be. */
export const token = ref('');
export const progress = shallowRef<Part[]>([]);
export const scene = shallowRef<Scene>();
export const book = reactive<{
  servers: string[];
  checks: { id: string; part: string }[];
}>({ servers: [], checks: [] });
export const isLost = ref(false);

export async function loadBook(): Promise<void> {
  if (book.servers.length === 0)
    Object.assign(book, await (await fetch(withBase('/book.json'))).json());
}

let source: EventSource | undefined;

/** News of the checks, while the page is looked at: a browser has few connections for one server. */
export function followProgress(): void {
  token.value = document.querySelector<HTMLMetaElement>('meta[name=book-token]')?.content ?? '';
  if (token.value === '') return;
  const follow = () => {
    source?.close();
    source = undefined;
    if (document.hidden) return;
    source = new EventSource(`/live/progress?token=${token.value}`);
    source.onmessage = ({ data }) => {
      progress.value = JSON.parse(data);
      isLost.value = false;
    };
    source.onerror = () => {
      isLost.value = true;
    };
  };
  document.addEventListener('visibilitychange', follow);
  follow();
}

/** Asks for something to be run; gives the lines of the answer as they come. */
export async function* run(
  order: object,
  signal: AbortSignal | null = null,
): AsyncGenerator<string> {
  const headers = { 'X-Book-Token': token.value, 'Content-Type': 'application/json' };
  const answer = await fetch('/live/run', {
    method: 'POST',
    headers,
    body: JSON.stringify(order),
    signal,
  });
  if (!answer.ok || !answer.body) throw new Error((await answer.text()).trim());
  let rest = '';
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = done ? '' : (lines.pop() ?? '');
    yield* lines;
    if (done) return;
  }
}
