import "./fonts.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./tokens.css";
import "./base.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { followChanges } from "../ipc/changes";
import { newClient } from "../ipc/client";
import { setHost } from "../ipc/host";
import { newRouter } from "./routes";
import { followSystem } from "./theme";

async function start(): Promise<void> {
  if (import.meta.env.DEV) {
    const { fakeHost } = await import("../ipc/fake");
    const host = fakeHost(location.search);
    if (host !== null) setHost(host);
  }
  followSystem();
  const client = newClient();
  followChanges(client);
  const root = document.getElementById("root");
  if (root === null) return;
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={newRouter()} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

void start();
