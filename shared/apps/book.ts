/** The book, as an application: `npm run part3 -- book:app`. */
export { app } from '../book/app.ts';
