// Hash routes: #/, #/equipment/ID, #/alarms, #/hazards/ID, #/path.
export const PAGES = ['overview', 'equipment', 'alarms', 'hazards', 'path'] as const;
export type Page = (typeof PAGES)[number];

export interface Route { page: Page; id: string | null }

export function parse(hash: string): Route {
  const [name = '', id] = hash.replace(/^#?\/?/, '').split('/');
  const page = PAGES.find((p) => p === name) ?? 'overview';
  try {
    return { page, id: id ? decodeURIComponent(id) : null };
  } catch {
    return { page, id: null };
  }
}

export const href = (page: Page, id?: string | null) =>
  page === 'overview' ? '#/' : `#/${page}${id ? `/${encodeURIComponent(id)}` : ''}`;

let current = $state(parse(globalThis.location?.hash ?? ''));
globalThis.window?.addEventListener('hashchange', () => {
  const next = parse(location.hash);
  if (next.page !== current.page) scrollTo(0, 0);
  current = next;
});

export const route = {
  get page() { return current.page; },
  get id() { return current.id; },
  go(page: Page, id?: string) { location.hash = href(page, id); },
};
