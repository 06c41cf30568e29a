package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/h264reader"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

const (
	audioFrame = 20 * time.Millisecond
	videoFrame = time.Second / 15
)

// published is what we send: frames in memory, sent in a circle.
type published struct {
	audio, video   *webrtc.TrackLocalStaticSample
	sounds, images [][]byte
	// A key frame was asked for: the pictures begin anew, with one.
	asked   atomic.Bool
	stopped chan struct{}
}

func publish(connection *webrtc.PeerConnection, given settings) (*published, error) {
	sounds, err := readOpus(given.Audio)
	if err != nil {
		return nil, err
	}
	images, mime, err := readPictures(given.Video)
	if err != nil {
		return nil, err
	}
	made := &published{sounds: sounds, images: images, stopped: make(chan struct{})}
	capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}
	if made.audio, err = webrtc.NewTrackLocalStaticSample(capability, "tone", "pion"); err != nil {
		return nil, err
	}
	capability = webrtc.RTPCodecCapability{MimeType: mime}
	if made.video, err = webrtc.NewTrackLocalStaticSample(capability, "picture", "pion"); err != nil {
		return nil, err
	}
	// A sender of pion's is a line that sends and receives.
	ear, err := connection.AddTrack(made.audio)
	if err != nil {
		return nil, err
	}
	eye, err := connection.AddTrack(made.video)
	if err != nil {
		return nil, err
	}
	go readReports(ear, func() {})
	go readReports(eye, func() {
		made.asked.Store(true)
		say("asked", nil)
	})
	return made, nil
}

// send plays until stopped.
func (p *published) send() error {
	var both sync.WaitGroup
	failures := make(chan error, 2)
	play := func(track *webrtc.TrackLocalStaticSample, frames [][]byte, period time.Duration, asked *atomic.Bool) {
		defer both.Done()
		next := 0
		failures <- ticks(period, p.stopped, func() error {
			if asked != nil && asked.Swap(false) {
				next = 0
			}
			frame := frames[next%len(frames)]
			next++
			return track.WriteSample(media.Sample{Data: frame, Duration: period})
		})
	}
	both.Add(2)
	go play(p.audio, p.sounds, audioFrame, nil)
	go play(p.video, p.images, videoFrame, &p.asked)
	both.Wait()
	return errors.Join(<-failures, <-failures)
}

func (p *published) stop() { close(p.stopped) }

func readOpus(path string) ([][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, _, err := oggreader.NewWith(file)
	if err != nil {
		return nil, err
	}
	var packets [][]byte
	for {
		page, header, err := reader.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return packets, nil
		}
		if err != nil {
			return nil, err
		}
		// The maker of the file puts one packet on a page; the comments of the head are none.
		if header.GranulePosition != 0 && !bytes.HasPrefix(page, []byte("OpusTags")) {
			packets = append(packets, page)
		}
	}
}

func readPictures(path string) ([][]byte, string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	switch filepath.Ext(path) {
	case ".ivf":
		frames, err := readIvf(file)
		return frames, webrtc.MimeTypeVP8, err
	case ".h264":
		frames, err := readAnnexB(file)
		return frames, webrtc.MimeTypeH264, err
	}
	return nil, "", fmt.Errorf("no known pictures: %s", path)
}

func readIvf(file io.Reader) ([][]byte, error) {
	reader, _, err := ivfreader.NewWith(file)
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	for {
		frame, _, err := reader.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
}

// readAnnexB makes one sample of the parameter sets and the one slice of each picture.
func readAnnexB(file io.Reader) ([][]byte, error) {
	reader, err := h264reader.NewReader(file)
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	var frame []byte
	for {
		nal, err := reader.NextNAL()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return nil, err
		}
		frame = append(append(frame, 0, 0, 0, 1), nal.Data...)
		if nal.UnitType == h264reader.NalUnitTypeCodedSliceIdr || nal.UnitType == h264reader.NalUnitTypeCodedSliceNonIdr {
			frames = append(frames, frame)
			frame = nil
		}
	}
}

// readReports reads what comes back to a sender and calls asked for each request of a key frame.
func readReports(sender *webrtc.RTPSender, asked func()) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
				say("failed", map[string]any{"text": err.Error()})
			}
			return
		}
		for _, packet := range packets {
			if _, is_pli := packet.(*rtcp.PictureLossIndication); is_pli {
				asked()
			}
		}
	}
}

// ticks calls each once per period, without drifting, until stopped.
func ticks(period time.Duration, stopped <-chan struct{}, each func() error) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-stopped:
			return nil
		case <-ticker.C:
			if err := each(); err != nil {
				return err
			}
		}
	}
}
