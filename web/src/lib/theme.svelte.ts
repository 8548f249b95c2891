// Light, dark or automatic; a wall screen (1800 px and wider) is dark unless chosen otherwise.
import { recall, remember } from './storage';

export type Theme = 'auto' | 'light' | 'dark';
const ORDER: Theme[] = ['auto', 'light', 'dark'];

const stored = recall('theme') as Theme | null;
let choice = $state<Theme>(stored && ORDER.includes(stored) ? stored : 'auto');
const dark = matchMedia('(prefers-color-scheme: dark)');
const wall = matchMedia('(min-width: 1800px)');
let system = $state(dark.matches || wall.matches);
for (const query of [dark, wall]) query.addEventListener('change', () => { system = dark.matches || wall.matches; });

export const theme = {
  get choice() { return choice; },
  get shown(): 'light' | 'dark' { return choice === 'auto' ? (system ? 'dark' : 'light') : choice; },
  next() {
    choice = ORDER[(ORDER.indexOf(choice) + 1) % ORDER.length]!;
    remember('theme', choice);
  },
};
