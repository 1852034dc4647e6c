/** How VitePress is set: nothing here is about the project's code. */
import { slug } from 'github-slugger';
import { createCssVariablesTheme } from 'shiki';
import { defineConfig } from 'vitepress';
import { bookMarkdown } from '../markdown.ts';

const chapters = [
  { text: 'Start', link: '/' },
  { text: 'Part 1: What is a web server?', link: '/part1/' },
  { text: 'Part 2: Any framework', link: '/part2/' },
  {
    text: 'Part 3: Many clients',
    link: '/part3/',
    items: [
      { text: 'Messages: http/', link: '/part3/http/' },
      { text: 'Applications: gateway/', link: '/part3/gateway/' },
      { text: 'Connections: server/', link: '/part3/server/' },
      { text: "The operator's pages", link: '/part3/operating' },
    ],
  },
  { text: 'How the server grows', link: '/growth' },
];

export default defineConfig({
  title: "Let's Build a Web Server",
  description: 'From a one-shot echo to a gateway that serves real frameworks, in TypeScript',
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  srcDir: 'cache/pages',
  outDir: process.env.BOOK_OUT ?? 'cache/site',
  cacheDir: 'cache/vite',
  ignoreDeadLinks: 'localhostLinks',
  // English at the root; another language becomes a folder of its own: { root: ..., zh: { label, lang, themeConfig } }.
  locales: { root: { label: 'English', lang: 'en' } },
  markdown: {
    config: bookMarkdown,
    anchor: { slugify: slug },
    // Its colours are variables of book.css: with a theme for light and one for dark, all code would be read twice.
    theme: createCssVariablesTheme({ variablePrefix: '--code-' }),
  },
  vite: { build: { chunkSizeWarningLimit: 5000 }, server: { host: '127.0.0.1' } },
  themeConfig: {
    sidebar: chapters,
    outline: [2, 3],
    search: { provider: 'local' },
    docFooter: { prev: 'Before', next: 'Next' },
  },
});
