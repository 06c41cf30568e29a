// Dialogs that keep the keyboard inside, close with Escape and give the focus back.
import type { ReactNode } from "react";
import { Button, Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { Icon } from "./icon.tsx";
import { useSurroundings } from "./surroundings.tsx";

/** A dialog; open while it is rendered. */
export function DialogBox(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly role?: "dialog" | "alertdialog";
  readonly children: ReactNode;
}) {
  const { t } = useSurroundings();
  return (
    <ModalOverlay
      className="veil"
      isOpen
      isDismissable={props.role !== "alertdialog"}
      onOpenChange={(is_open) => {
        if (!is_open) props.onClose();
      }}
    >
      <Modal className="dialog-box">
        <Dialog className="dialog" role={props.role ?? "dialog"}>
          <div className="dialog-head">
            <Heading slot="title" className="grow">
              {props.title}
            </Heading>
            <Button className="icon-button" aria-label={t("close")} onPress={props.onClose}>
              <Icon name="close" />
            </Button>
          </div>
          {props.children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

/** Asks before something that cannot be taken back. */
export function ConfirmBox(props: {
  readonly question: string;
  readonly consequence: string;
  readonly confirm: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  const { t } = useSurroundings();
  return (
    <DialogBox title={props.question} role="alertdialog" onClose={props.onClose}>
      <p>{props.consequence}</p>
      <div className="row">
        <Button className="button" onPress={props.onClose}>
          {t("cancel")}
        </Button>
        <Button className="button primary danger" onPress={props.onConfirm}>
          {props.confirm}
        </Button>
      </div>
    </DialogBox>
  );
}
