// The panel beside the stage: chat or people.
import type { ReactNode } from "react";
import { Button, Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { Icon } from "../look/icon.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import type { PanelName } from "./control-bar.tsx";

/** Shows one of the panels and lets one change to the other. */
export function SidePanel(props: {
  readonly panel: PanelName;
  readonly unread: number;
  readonly onPanel: (panel: PanelName | null) => void;
  readonly children: Readonly<Record<PanelName, ReactNode>>;
}) {
  const { t } = useSurroundings();
  const { panel, onPanel } = props;
  return (
    <aside className="side" aria-label={t(panel)}>
      <Tabs
        className="side-tabs"
        selectedKey={panel}
        onSelectionChange={(key) => onPanel(key === "people" ? "people" : "chat")}
      >
        <div className="side-head">
          <TabList className="tab-list" aria-label={t(panel)}>
            <Tab className="tab" id="chat">
              {t("chat")}
              {panel !== "chat" && props.unread > 0 && (
                <span className="count">{props.unread}</span>
              )}
            </Tab>
            <Tab className="tab" id="people">
              {t("people")}
            </Tab>
          </TabList>
          <Button className="icon-button" aria-label={t("close")} onPress={() => onPanel(null)}>
            <Icon name="close" />
          </Button>
        </div>
        <TabPanel className="tab-panel" id="chat">
          {props.children.chat}
        </TabPanel>
        <TabPanel className="tab-panel" id="people">
          {props.children.people}
        </TabPanel>
      </Tabs>
    </aside>
  );
}
