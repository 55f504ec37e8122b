import "./fonts.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./tokens.css";
import "./base.css";
import "./first.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { followChanges } from "../ipc/changes";
import { newClient } from "../ipc/client";
import { setHost } from "../ipc/host";
import { askFirst } from "./ask";
import { newRouter } from "./routes";
import { followSystem } from "./theme";

/** The longest the frame of index.html stands without a screen in it, when replies take their time. */
const PATIENCE_MS = 150;

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
  const router = newRouter();
  const asked = askFirst(client, new URL(location.href));
  await Promise.all([router.load(), Promise.race([asked, after(PATIENCE_MS)])]);
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

void start();
