// One of several: a labelled list that opens.
import {
  Button,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  Select,
  SelectValue,
  Text,
} from "react-aria-components";
import { Icon } from "./icon.tsx";
import { Name } from "./name.tsx";

/** A labelled choice. `value` and the options' keys are plain strings. */
export function Choice<Value extends string>(props: {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [Value, string])[];
  readonly onChange: (value: Value) => void;
  readonly hint?: string;
  readonly is_disabled?: boolean;
}) {
  return (
    <Select
      className="field choice"
      value={props.value}
      isDisabled={props.is_disabled ?? false}
      onChange={(key) => {
        if (key !== null) props.onChange(key as Value);
      }}
    >
      <Label>{props.label}</Label>
      <Button className="select-button">
        <SelectValue className="value" />
        <Icon name="down" />
      </Button>
      {props.hint !== undefined && (
        <Text slot="description" className="hint">
          {props.hint}
        </Text>
      )}
      <Popover className="popover">
        <ListBox className="options" items={props.options.map(([id, name]) => ({ id, name }))}>
          {(option) => (
            <ListBoxItem className="option" id={option.id} textValue={option.name}>
              <Name of={option.name} />
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}
