import { QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { renderToStaticMarkup } from "react-dom/server";
import { Live } from "../features/messages/LiveBadge";
import { MessagesHeader } from "../features/messages/MessagesHeader";
import { newClient } from "../ipc/client";
import shell from "./Shell.module.css";
import { Sidebar } from "./Sidebar";

const nothing = () => {};

/**
 * What stands in index.html before any script has run: the frame of the window, drawn by the very
 * components that take its place, as they are while nothing is known yet. It is made when the
 * screens are built; `first.css` hides what does not fit the window or the address.
 */
export async function first(): Promise<string> {
  const root = createRootRoute({ component: Frame });
  const messages = createRoute({ getParentRoute: () => root, path: "/messages" });
  const router = createRouter({
    routeTree: root.addChildren([messages]),
    history: createMemoryHistory({ initialEntries: ["/messages"] }),
  });
  await router.load();
  return renderToStaticMarkup(
    <QueryClientProvider client={newClient()}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
}

function Frame() {
  return (
    <div className={shell.shell} aria-busy="true" inert>
      <div className="first-wide">
        <Sidebar rail={false} onToggle={nothing} />
      </div>
      <div className="first-rail">
        <Sidebar rail onToggle={nothing} />
      </div>
      <div className={shell.main}>
        <div className="first-header">
          <MessagesHeader query={undefined} onQuery={nothing}>
            <span className="first-later">
              <Live />
            </span>
          </MessagesHeader>
        </div>
      </div>
    </div>
  );
}
