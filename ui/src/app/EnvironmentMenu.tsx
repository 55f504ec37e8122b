import type { ReactElement } from "react";
import { useEnvironment } from "../ipc/environment";
import { openEnvironment } from "../lib/bus";
import { IconPlus, IconSettings } from "../parts/icons";
import { Menu } from "../parts/Menu";

/** The environments to choose from. Loaded when it is first asked for, and open then. */
export function EnvironmentMenu({ trigger }: { trigger: ReactElement }) {
  const { id, env, environments, select } = useEnvironment();
  if (env === undefined) return null;
  return (
    <Menu
      label="Environment"
      align="start"
      defaultOpen
      trigger={trigger}
      items={[
        ...environments.map((one) => ({
          label: one.name,
          hint: one.kind === one.name.toLowerCase() ? undefined : one.kind,
          dot: one.color,
          checked: one.id === id,
          onSelect: () => select(one.id),
        })),
        { separator: true },
        {
          label: `Edit ${env.name}…`,
          icon: <IconSettings size={14} />,
          onSelect: () => openEnvironment(env.id),
        },
        {
          label: "New environment…",
          icon: <IconPlus size={14} />,
          onSelect: () => openEnvironment("new"),
        },
      ]}
    />
  );
}
