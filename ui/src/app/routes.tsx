import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  lazyRouteComponent,
  type RouterHistory,
  redirect,
  retainSearchParams,
} from "@tanstack/react-router";
import { MessagesPage } from "../features/messages/MessagesPage";
import { Empty } from "../parts/Empty";
import { ErrorNote } from "../parts/ErrorNote";
import { LinkButton } from "../parts/LinkButton";
import { Page } from "../parts/Page";
import { Shell } from "./Shell";

/** What stands in the address of every screen. */
interface RootSearch {
  env?: number;
}

type Raw = Record<string, unknown>;

function number(raw: unknown): number | undefined {
  const n = typeof raw === "string" || typeof raw === "number" ? Number(raw) : Number.NaN;
  return Number.isInteger(n) && n > 0 ? n : undefined;
}

function text(raw: unknown): string | undefined {
  if (typeof raw === "number" || typeof raw === "boolean") return String(raw);
  return typeof raw === "string" && raw !== "" ? raw : undefined;
}

/** Leaves out what is undefined, so that addresses stay short. */
function only<T extends Raw>(search: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(search).filter(([, value]) => value !== undefined),
  ) as never;
}

function Failed({ error, reset }: ErrorComponentProps) {
  return (
    <Page maxWidth={640}>
      <ErrorNote title="This screen could not be drawn." error={error} retry={reset} />
    </Page>
  );
}

function Missing() {
  return (
    <Empty
      title="There is nothing at this address"
      actions={<LinkButton to="/messages">Go to messages</LinkButton>}
    >
      <p>It may have been removed, or the address is mistyped.</p>
    </Empty>
  );
}

const root = createRootRoute({
  validateSearch: (raw: Raw): RootSearch => only({ env: number(raw.env) }),
  search: { middlewares: [retainSearchParams(["env"])] },
  component: Shell,
  notFoundComponent: Missing,
});

const index = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/messages", replace: true });
  },
});

const messages = createRoute({
  getParentRoute: () => root,
  path: "/messages",
  validateSearch: (raw: Raw) => only({ q: text(raw.q), id: number(raw.id), tab: text(raw.tab) }),
  component: MessagesPage,
});

const audience = createRoute({
  getParentRoute: () => root,
  path: "/audience",
  validateSearch: (raw: Raw) =>
    only({
      q: text(raw.q),
      id: number(raw.id),
      sort: text(raw.sort),
      reverse: text(raw.reverse),
      tab: text(raw.tab),
    }),
  component: lazyRouteComponent(() => import("../features/audience/AudiencePage"), "AudiencePage"),
});

const events = createRoute({
  getParentRoute: () => root,
  path: "/events",
  validateSearch: (raw: Raw) => only({ q: text(raw.q), name: text(raw.name) }),
  component: lazyRouteComponent(() => import("../features/events/EventsPage"), "EventsPage"),
});

const endpoints = createRoute({
  getParentRoute: () => root,
  path: "/endpoints",
  validateSearch: (raw: Raw) =>
    only({ new: raw.new === true || raw.new === "true" || raw.new === 1 ? true : undefined }),
  component: lazyRouteComponent(
    () => import("../features/endpoints/EndpointsPage"),
    "EndpointsPage",
  ),
});

const endpoint = createRoute({
  getParentRoute: () => root,
  path: "/endpoints/$id",
  params: {
    parse: ({ id }) => ({ id: String(Number(id) || 0) }),
    stringify: ({ id }) => ({ id }),
  },
  component: lazyRouteComponent(() => import("./EndpointRoute"), "EndpointRoute"),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("../features/settings/SettingsPage"), "SettingsPage"),
});

const routeTree = root.addChildren([
  index,
  messages,
  audience,
  events,
  endpoints,
  endpoint,
  settings,
]);

/** The screens and their addresses. */
export function newRouter(history?: RouterHistory) {
  return createRouter({
    routeTree,
    defaultErrorComponent: Failed,
    defaultNotFoundComponent: Missing,
    defaultPreload: false,
    scrollRestoration: false,
    ...(history === undefined ? {} : { history }),
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
