import DefaultTheme from 'vitepress/theme';
import { h } from 'vue';
import CheckState from './CheckState.vue';
import HowFar from './HowFar.vue';
import Lines from './Lines.vue';
import TryIt from './TryIt.vue';
import Wire from './Wire.vue';
import './book.css';

export default {
  extends: DefaultTheme,
  Layout: () =>
    h(DefaultTheme.Layout, null, {
      'doc-before': () => [h(HowFar), h(Lines)],
      'layout-bottom': () => h(Wire),
    }),
  enhanceApp({ app }) {
    app.component('CheckState', CheckState).component('TryIt', TryIt);
  },
};
