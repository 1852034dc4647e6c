/** The Fetch handler, the contract of today's JavaScript. Servers that know it: deno serve, bun, workerd. */
export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    return new Response(`Hello from ${pathname}!\n`, { headers: { 'Content-Type': 'text/plain' } });
  },
};
