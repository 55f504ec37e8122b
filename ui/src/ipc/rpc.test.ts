import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { ApiFailure } from "./failure";
import type { ContactDetail } from "./gen/ContactDetail";
import type { MessageRow } from "./gen/MessageRow";
import type { Page } from "./gen/Page";
import { type Host, setHost } from "./host";
import { http, topicsOf } from "./http";
import { type Args, type Reply, rpc } from "./rpc";

function answering(answer: (name: string, args: unknown) => unknown): Host {
  return { call: async (name, args) => answer(name, args), subscribe: () => () => {} };
}

it("infers arguments and reply from the generated list", () => {
  expectTypeOf<Reply<"contacts", "show">>().toEqualTypeOf<ContactDetail>();
  expectTypeOf<Reply<"messages", "list">>().toEqualTypeOf<Page<MessageRow>>();
  expectTypeOf<Args<"contacts", "show">>().toEqualTypeOf<{ id: number }>();
  const wrong = () => {
    // @ts-expect-error no such verb
    void rpc("contacts", "shwo", { id: 1 });
    // @ts-expect-error no such topic
    void rpc("contact", "show", { id: 1 });
    // @ts-expect-error a wrong argument
    void rpc("contacts", "show", { ids: 1 });
    // @ts-expect-error a verb of another topic
    void rpc("settings", "verify", {});
  };
  expect(wrong).toBeTypeOf("function");
});

describe("rpc", () => {
  it("calls topic.verb and gives the reply", async () => {
    const calls: unknown[] = [];
    setHost(answering((...call) => calls.push(call)));
    await rpc("messages", "show", { id: 7 });
    expect(calls).toEqual([["messages.show", { id: 7 }]]);
  });

  it("turns whatever is thrown into a failure with a code and a sentence", async () => {
    setHost(
      answering(() => {
        throw { code: "notFound", message: "There is no such contact." };
      }),
    );
    await expect(rpc("contacts", "show", { id: 1 })).rejects.toMatchObject({
      name: "ApiFailure",
      code: "notFound",
      message: "There is no such contact.",
    });
    setHost(answering(() => Promise.reject("broken")));
    await expect(rpc("contacts", "show", { id: 1 })).rejects.toMatchObject({
      code: "internal",
      message: "broken",
    });
  });
});

describe("over HTTP", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    sessionStorage.clear();
    location.hash = "";
  });

  it("takes the token out of the address once and sends it along", async () => {
    history.replaceState(null, "", "/messages#token=s3cret");
    const fetching = vi.fn(async () => Response.json({ id: 7 }));
    vi.stubGlobal("fetch", fetching);
    expect(await http().call("messages.show", { id: 7 })).toEqual({ id: 7 });
    expect(location.hash).toBe("");
    expect(fetching).toHaveBeenCalledWith(
      "/call/messages.show",
      expect.objectContaining({
        method: "POST",
        body: '{"id":7}',
        headers: { authorization: "Bearer s3cret", "content-type": "application/json" },
      }),
    );
    await http().call("app.status", {});
    expect(fetching).toHaveBeenLastCalledWith(
      "/call/app.status",
      expect.objectContaining({
        headers: expect.objectContaining({ authorization: "Bearer s3cret" }),
      }),
    );
  });

  it("passes the engine's errors on, and explains its own", async () => {
    vi.stubGlobal("fetch", async () =>
      Response.json({ code: "conflict", message: "Taken." }, { status: 409 }),
    );
    await expect(http().call("contacts.add", {})).rejects.toEqual(
      new ApiFailure("conflict", "Taken."),
    );
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("Failed to fetch");
    });
    await expect(http().call("contacts.add", {})).rejects.toMatchObject({ code: "unavailable" });
  });

  it("reads topics from server-sent events, even in pieces", async () => {
    expect(topicsOf('data: ["messages"]')).toEqual(["messages"]);
    expect(topicsOf(": keep-alive")).toEqual([]);
    expect(topicsOf("data: nonsense")).toEqual([]);
    const bytes = new TextEncoder().encode(
      ': hi\n\ndata: ["messages","contacts"]\n\ndata: ["settings"]\n\n',
    );
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(0, 17));
        controller.enqueue(bytes.slice(17));
      },
    });
    vi.stubGlobal("fetch", async () => new Response(body));
    const heard: string[][] = [];
    const lost = vi.fn();
    const stop = http().subscribe((topics) => heard.push(topics), lost);
    await vi.waitFor(() => expect(heard).toEqual([["messages", "contacts"], ["settings"]]));
    expect(lost).toHaveBeenCalledOnce();
    stop();
  });
});
