/** Exercise 2-x3: the same field, from the query of a GET and from the body of a POST. */
import type { Application, Environ } from '../../../shared/wsgi.ts';

const PAGE = '<!doctype html><form method="post"><input name="name"><button>Say it</button></form>';
const FORM = /^application\/x-www-form-urlencoded\b/i;

export const app: Application = async (environ, startResponse) => {
  const fields = await fieldsOf(environ);
  if (!fields) {
    startResponse('415 Unsupported Media Type', [['Content-Type', 'text/plain']]);
    return ['a form, please\n'];
  }
  startResponse('200 OK', [['Content-Type', 'text/html; charset=utf-8']]);
  const name = fields.get('name');
  return [name === null ? PAGE : `<!doctype html><p>Hello, ${escapeHtml(name)}!</p>\n`];
};

async function fieldsOf(environ: Environ): Promise<URLSearchParams | undefined> {
  if (environ.REQUEST_METHOD !== 'POST') return new URLSearchParams(environ.QUERY_STRING);
  if (!FORM.test(environ.CONTENT_TYPE ?? '')) return undefined;
  return new URLSearchParams(Buffer.from(await environ['wsgi.input'].read()).toString());
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
