import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { forwardsAt } from "../../ipc/fakeForwards";
import { descriptionOf, refuse, show, violations } from "../kit.test-env";
import { EndpointsPage } from "./EndpointsPage";
import { DETAIL, ROW } from "./endpoint.fixture";

/** Presses the button of the dialog. */
const submit = () =>
  userEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Add endpoint" }));

describe("the list of endpoints", () => {
  it("shows those of this environment, without accessibility violations", async () => {
    await show(<EndpointsPage />, "/endpoints", {
      endpoints: { list: () => [ROW, { ...ROW, id: 5, environmentId: 2, name: "Elsewhere" }] },
    });
    const link = await screen.findByRole("link", { name: ROW.name });
    expect(link.getAttribute("href")).toBe("/endpoints/4");
    screen.getByText("Receiving");
    screen.getByText("2 refused");
    expect(screen.queryByText("Elsewhere")).toBeNull();
    expect(await violations()).toEqual([]);
  });

  it("says what is forwarded, and what has not reached its target", async () => {
    const [, second, third] = forwardsAt(0);
    const of = (endpointId: number, row = third) => row && { ...row, endpointId };
    const rows = [of(4, second), of(4), of(5)].filter((row) => row !== undefined);
    await show(<EndpointsPage />, "/endpoints", {
      endpoints: { list: () => [ROW, { ...ROW, id: 6, name: "Quiet" }] },
      forwards: { list: () => rows },
    });
    const cells = async (name: RegExp) =>
      within(await screen.findByRole("row", { name })).getAllByRole("cell");
    await screen.findByText("2 targets");
    expect((await cells(/^Clerk/))[3]).toHaveTextContent("2 targets9 waiting1 failed");
    expect((await cells(/^Quiet/))[3]).toHaveTextContent("none");
  });

  it("teaches the first step, and opens the endpoint it made", async () => {
    const { asked, path } = await show(<EndpointsPage />, "/endpoints", {
      endpoints: { list: () => [], add: () => DETAIL },
    });
    await screen.findByText("No endpoints yet");
    await userEvent.click(screen.getAllByRole("button", { name: "Add endpoint" })[0] as Element);
    await screen.findByLabelText("Name");
    expect(await violations()).toEqual([]);
    await userEvent.type(screen.getByLabelText(/Signing secret/), " whsec_abc ");
    await submit();
    await waitFor(() => expect(path()).toBe("/endpoints/4"));
    expect(asked("endpoints.add")).toEqual([
      { environmentId: 1, name: "Clerk · development", secret: "whsec_abc" },
    ]);
  });

  it("shows a mistake in the secret at the secret, and a taken name at the name", async () => {
    let answer = () => refuse("invalid", "This is a publishable key.");
    await show(<EndpointsPage />, "/endpoints", {
      endpoints: { list: () => [ROW], add: () => answer() },
    });
    await userEvent.click(await screen.findByRole("button", { name: "Add endpoint" }));
    const secret = await screen.findByLabelText(/Signing secret/);
    await userEvent.type(secret, "pk_test_1");
    await submit();
    await waitFor(() => expect(descriptionOf(secret)).toBe("This is a publishable key."));
    answer = () => refuse("conflict", "There is an endpoint of that name.");
    await userEvent.clear(secret);
    await submit();
    await waitFor(() =>
      expect(descriptionOf(screen.getByLabelText("Name"))).toBe(
        "There is an endpoint of that name.",
      ),
    );
  });
});
