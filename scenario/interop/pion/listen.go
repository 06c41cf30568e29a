package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/h264writer"
	"github.com/pion/webrtc/v4/pkg/media/ivfwriter"
	"github.com/pion/webrtc/v4/pkg/media/oggwriter"
)

type writer interface {
	WriteRTP(packet *rtp.Packet) error
	Close() error
}

// ears writes each line that is received to a file of its own, in takes.
type ears struct {
	connection *webrtc.PeerConnection
	folder     string
	lock       sync.Mutex
	take       int
	files      map[string]writer
	pictures   []webrtc.SSRC
}

func listen(connection *webrtc.PeerConnection, folder string) *ears {
	made := &ears{connection: connection, folder: folder, files: map[string]writer{}}
	connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		say("track", map[string]any{"kind": track.Kind().String(), "codec": track.Codec().MimeType})
		if err := made.follow(track); err != nil && !errors.Is(err, io.EOF) {
			say("failed", map[string]any{"text": err.Error()})
			return
		}
		say("ended", map[string]any{"kind": track.Kind().String()})
	})
	return made
}

func (e *ears) follow(track *webrtc.TrackRemote) error {
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		e.lock.Lock()
		e.pictures = append(e.pictures, track.SSRC())
		e.lock.Unlock()
	}
	count := 0
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return err
		}
		if err := e.write(track.Codec().MimeType, packet); err != nil {
			return err
		}
		count++
		if count%50 == 0 {
			say("received", map[string]any{"kind": track.Kind().String(), "packets": count})
		}
	}
}

func (e *ears) write(mime string, packet *rtp.Packet) error {
	e.lock.Lock()
	defer e.lock.Unlock()
	file, is_open := e.files[mime]
	if !is_open {
		made, err := e.open(mime)
		if err != nil {
			return err
		}
		file = made
		e.files[mime] = made
	}
	// A packet of padding alone has no payload to write.
	if len(packet.Payload) == 0 {
		return nil
	}
	return file.WriteRTP(packet)
}

func (e *ears) path(mime string) string {
	name := strings.ToLower(strings.ReplaceAll(mime, "/", "-"))
	ending := map[string]string{"audio-opus": "ogg", "video-vp8": "ivf", "video-h264": "h264"}[name]
	return filepath.Join(e.folder, fmt.Sprintf("%s-%d.%s", name, e.take, ending))
}

func (e *ears) open(mime string) (writer, error) {
	path := e.path(mime)
	switch mime {
	case webrtc.MimeTypeOpus:
		return oggwriter.New(path, 48000, 2)
	case webrtc.MimeTypeVP8:
		return ivfwriter.New(path)
	case webrtc.MimeTypeH264:
		return h264writer.New(path)
	}
	return nil, errors.New("no file for " + mime)
}

// keep ends a take: its files are complete when it is said. The next one's pictures begin with a key frame, which is asked for.
func (e *ears) keep() error {
	e.lock.Lock()
	defer e.lock.Unlock()
	paths := []string{}
	for mime, file := range e.files {
		if err := file.Close(); err != nil {
			return err
		}
		paths = append(paths, e.path(mime))
	}
	e.files = map[string]writer{}
	e.take++
	say("kept", map[string]any{"paths": paths})
	for _, ssrc := range e.pictures {
		please := &rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)}
		if err := e.connection.WriteRTCP([]rtcp.Packet{please}); err != nil {
			return err
		}
	}
	return nil
}
