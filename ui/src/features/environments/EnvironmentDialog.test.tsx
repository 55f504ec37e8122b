import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { descriptionOf, ENVIRONMENT, refuse, show, violations } from "../kit.test-env";
import { EnvironmentDialog } from "./EnvironmentDialog";

describe("the dialog of an environment", () => {
  it("adds one with a colour nobody has, and shows it", async () => {
    const closed = vi.fn();
    const { asked, search } = await show(
      <EnvironmentDialog which="new" onClose={closed} />,
      "/settings",
      { environments: { add: () => ({ ...ENVIRONMENT, id: 2, name: "Staging" }) } },
    );
    await userEvent.type(await screen.findByLabelText("Name"), "Staging");
    expect(await violations()).toEqual([]);
    await userEvent.click(screen.getByRole("radio", { name: "Teal" }));
    await userEvent.click(screen.getByRole("button", { name: "Add environment" }));
    await waitFor(() => expect(search()).toEqual({ env: 2 }));
    expect(asked("environments.add")).toEqual([
      { name: "Staging", kind: "development", color: "#0e8f8f" },
    ]);
    expect(closed).toHaveBeenCalled();
  });

  it("shows a taken name at the name and stays", async () => {
    const closed = vi.fn();
    await show(<EnvironmentDialog which={1} onClose={closed} />, "/settings", {
      environments: { update: () => refuse("conflict", "That name is taken.") },
    });
    const name = await screen.findByLabelText("Name");
    await userEvent.type(name, " 2");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(descriptionOf(name)).toBe("That name is taken."));
    expect(closed).not.toHaveBeenCalled();
  });
});
