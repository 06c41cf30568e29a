// A host's link for others, by role.
import type { Invitation, JoinedConference, Role } from "@parley/client";
import { Problem } from "@parley/client";
import { useState } from "react";
import { Button } from "react-aria-components";
import { Choice } from "../look/choice.tsx";
import { copyText } from "../look/copy-text.ts";
import { DialogBox } from "../look/dialog.tsx";
import { Icon } from "../look/icon.tsx";
import { ProblemNotice } from "../look/problem-notice.tsx";
import { useSurroundings } from "../look/surroundings.tsx";

/** People who may be in with one invitation at a time; hosts share no link. */
const guests_max = 25;

/** Links that were made here, by conference and role: asking twice gives the same while it lets people in. */
const made = new Map<string, Invitation>();

/** The dialog. */
export function InviteBox(props: {
  readonly conference: JoinedConference;
  readonly onClose: () => void;
}) {
  const { t } = useSurroundings();
  const { conference } = props;
  const [role, setRole] = useState<Role>("member");
  const [link, setLink] = useState<string | null>(null);
  const [is_copied, setCopied] = useState(false);
  const [is_busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const copy = (): void => {
    if (is_busy) return;
    setBusy(true);
    setFailure(null);
    const url = invite(conference, role).then((invitation) => invitation.url);
    // Asked for at once: some browsers allow copying only while the click is fresh.
    Promise.all([url, copyText(url)])
      .then(([shown, copied]) => {
        setLink(shown);
        setCopied(copied);
      })
      .catch((thrown: unknown) => setFailure(thrown))
      .finally(() => setBusy(false));
  };
  return (
    <DialogBox title={t("invite_title")} onClose={props.onClose}>
      <Choice
        label={t("link_role")}
        value={role}
        options={[
          ["member", t("role_member")],
          ["listener", t("role_listener")],
          ["host", t("role_host")],
        ]}
        hint={t(`invite_hint_${role}`)}
        onChange={(chosen) => {
          setRole(chosen);
          setLink(null);
          setCopied(false);
        }}
      />
      {link !== null && (
        <>
          <input className="input mono" readOnly value={link} aria-label={t("invite_link")} />
          <p role="status">{t(is_copied ? "invite_copied" : "copy_failed")}</p>
        </>
      )}
      {failure !== null && <ProblemNotice thrown={failure} />}
      <div className="row end">
        <Button className={`button primary ${is_busy ? "is-busy" : ""}`} onPress={copy}>
          <Icon name={is_copied ? "check" : "link"} />
          {t("invite")}
        </Button>
      </div>
    </DialogBox>
  );
}

async function invite(conference: JoinedConference, role: Role): Promise<Invitation> {
  const key = `${conference.conference_id} ${role}`;
  const before = made.get(key);
  // A link dies when somebody is removed who came by it; only the server knows of all.
  if (before && (await conference.invitations()).includes(before.id)) return before;
  const invitation = await ask(conference, role);
  made.set(key, invitation);
  return invitation;
}

async function ask(conference: JoinedConference, role: Role): Promise<Invitation> {
  if (role === "host") return conference.invite({ role });
  try {
    return await conference.invite({ role, max_joins: guests_max });
  } catch (thrown) {
    // Whoever runs the server may allow fewer; then it chooses.
    const is_too_many = thrown instanceof Problem && thrown.http >= 400 && thrown.http < 500;
    if (!is_too_many || thrown.http === 401) throw thrown;
    return conference.invite({ role });
  }
}
