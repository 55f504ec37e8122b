import type { SampleRow } from "../../ipc/gen/SampleRow";
import { useAct } from "../../ipc/hooks";
import { fixtureName } from "../../lib/fixture";
import { ConfirmDialog } from "../../parts/ConfirmDialog";

/** Forgets a fixture after asking. */
export function ForgetFixture(props: {
  row: SampleRow;
  open: boolean;
  onForgotten: () => void;
  onClose: () => void;
}) {
  const { row, open, onForgotten, onClose } = props;
  const forget = useAct("tests", "forget", { toastError: false });
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      onConfirm={async () => {
        await forget.mutateAsync({ name: fixtureName(row) ?? row.name });
        onForgotten();
      }}
      title="Forget this fixture?"
      confirm="Forget fixture"
      danger
    >
      <code>{fixtureName(row)}</code> leaves the catalogue for good. Messages that were sent with it
      stay.
    </ConfirmDialog>
  );
}
