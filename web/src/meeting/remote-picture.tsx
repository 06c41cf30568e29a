// Somebody else's picture: takes a video line while there is something to see, and asks for the size it is shown in.
import { type JoinedConference, Problem, type Quality, type Tile } from "@parley/client";
import { useCallback, useEffect, useState } from "react";
import { useSurroundings } from "../look/surroundings.tsx";
import { useNotice } from "../look/use-notice.ts";
import { Picture } from "./picture.tsx";
import type { TileSubject } from "./stage-subjects.ts";

/** Shows the picture, and tells whether there is one and how well it arrives. */
export function RemotePicture(props: {
  readonly conference: JoinedConference;
  readonly subject: TileSubject;
  readonly is_live: boolean;
  readonly width: number;
  readonly height: number;
  readonly onQuality: (quality: Quality | null) => void;
  readonly onShowing: (is_showing: boolean) => void;
}) {
  const { conference, is_live } = props;
  const [tile, setTile] = useState<Tile | null>(null);
  const { onShowing, onQuality } = props;
  useEffect(() => {
    if (!is_live) return;
    let taken: Tile;
    try {
      taken = conference.takeTile();
    } catch (thrown) {
      // No line is free while two pages of people change places; the next change of this tile tries again.
      if (thrown instanceof Problem && thrown.reason === "TILES_EXHAUSTED") return;
      throw thrown;
    }
    setTile(taken);
    return () => {
      taken.release();
      setTile(null);
      onShowing(false);
      onQuality(null);
    };
  }, [conference, is_live, onShowing, onQuality]);
  return tile ? <TilePicture {...props} tile={tile} /> : null;
}

function TilePicture(props: {
  readonly tile: Tile;
  readonly subject: TileSubject;
  readonly width: number;
  readonly height: number;
  readonly onQuality: (quality: Quality | null) => void;
  readonly onShowing: (is_showing: boolean) => void;
}) {
  const { tile, onQuality, onShowing } = props;
  const { t } = useSurroundings();
  const view = useNotice(
    tile,
    "change",
    useCallback(() => tile.view, [tile]),
  );
  const { person, source } = props.subject;
  const ratio = globalThis.devicePixelRatio || 1;
  const width = Math.round(props.width * ratio);
  const height = Math.round(props.height * ratio);
  useEffect(() => {
    tile.show(person.id, source, { width, height });
  }, [tile, person.id, source, width, height]);
  useEffect(() => onShowing(view.is_showing), [view.is_showing, onShowing]);
  useEffect(() => onQuality(view.quality), [view.quality, onQuality]);
  return (
    <>
      <Picture media={tile.media} is_visible={view.is_showing} is_whole={source === "screen"} />
      {view.reason === "codec" && !view.is_showing && (
        <p className="tile-reason" role="status">
          {t("tile_codec")}
        </p>
      )}
    </>
  );
}
