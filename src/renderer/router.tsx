import { createRootRoute, createRoute, createRouter, redirect } from '@tanstack/react-router';
import { history } from './navigation.ts';
import { librarySearch } from './screens/library/search.ts';
import { chatSearch } from './screens/chat/search.ts';
import { adaptersSearch } from './screens/adapters/search.ts';
import { benchmarkSearch } from './screens/benchmark/search.ts';
import { convertSearch } from './screens/convert/search.ts';
import { memorySearch } from './screens/memory/search.ts';
import { trainingSearch } from './screens/training/search.ts';
import { RouteError } from './shell/route-error.tsx';
import { Shell } from './shell/shell.tsx';

const root = createRootRoute({ component: Shell, errorComponent: RouteError });

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/library' });
  },
});

const library = createRoute({ getParentRoute: () => root, path: '/library', validateSearch: librarySearch }).lazy(() =>
  import('./screens/library/route.tsx').then(({ route }) => route),
);

// One route for a thread and for the chat that has none yet: the list of threads stays as it is when one turns into the other.
const chat = createRoute({ getParentRoute: () => root, path: '/chat/{-$threadId}', validateSearch: chatSearch }).lazy(() =>
  import('./screens/chat/route.tsx').then(({ route }) => route),
);

const convert = createRoute({ getParentRoute: () => root, path: '/convert', validateSearch: convertSearch }).lazy(() =>
  import('./screens/convert/route.tsx').then(({ route }) => route),
);

const adapters = createRoute({ getParentRoute: () => root, path: '/adapters', validateSearch: adaptersSearch }).lazy(() =>
  import('./screens/adapters/route.tsx').then(({ route }) => route),
);

const training = createRoute({ getParentRoute: () => root, path: '/training', validateSearch: trainingSearch }).lazy(() =>
  import('./screens/training/route.tsx').then(({ route }) => route),
);

const benchmark = createRoute({ getParentRoute: () => root, path: '/benchmark', validateSearch: benchmarkSearch }).lazy(() =>
  import('./screens/benchmark/route.tsx').then(({ route }) => route),
);

const memory = createRoute({ getParentRoute: () => root, path: '/memory', validateSearch: memorySearch }).lazy(() =>
  import('./screens/memory/route.tsx').then(({ route }) => route),
);

const server = createRoute({ getParentRoute: () => root, path: '/server' }).lazy(() =>
  import('./screens/server/route.tsx').then(({ route }) => route),
);

export const router = createRouter({
  routeTree: root.addChildren([home, library, chat, convert, adapters, training, benchmark, memory, server]),
  history,
  defaultPreload: 'intent',
  defaultErrorComponent: RouteError,
  defaultNotFoundComponent: () => null,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
