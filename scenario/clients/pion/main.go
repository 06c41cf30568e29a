// A pion endpoint: joins a conference by one POST without candidates, sends files of Opus and of VP8 or H.264 again and
// again on the lines that it is told, and has what it receives heard and seen.
//
// One argument: JSON, see settings. It prints the objects of ../python/far_end.py, and of its own:
//
//	{"event": "trickled", "status", "candidates"}                what a PATCH with candidates gave
//	{"event": "restarted", "status", "type", "text"}             what a restart of ICE gave
//	{"event": "line", "mid", "kind", "ssrc", "mid_in_packets"}   a receiving line's first packet
//	{"event": "moved", …}                                        the same, when one of these facts changed
//	{"event": "seen", "color", "mid"}                            with the line on which it was
//	{"event": "failed", "text"}
//
// Words on its standard input: `restart` (ICE, by PATCH), `leave` (DELETE). The end of standard input makes it stop.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/pion/webrtc/v4"
)

type line struct {
	Kind string `json:"kind"`
	// Both ways unless said otherwise.
	Direction string `json:"direction"`
	// Names of the layers that it sends (RFC 8853); none: one picture without a name.
	Layers []string `json:"layers"`
}

type settings struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	Lines []line `json:"lines"`
	// Ogg with Opus, IVF with VP8 or Annex B with H.264, by the ending; those of lines that it has not are not read.
	Audio string `json:"audio"`
	Video string `json:"video"`
	// Python with PyAV and the path of ../python/senses.py.
	Senses []string `json:"senses"`
}

var printing sync.Mutex

func say(event string, facts map[string]any) {
	if facts == nil {
		facts = map[string]any{}
	}
	facts["event"] = event
	text, err := json.Marshal(facts)
	if err != nil {
		panic(err)
	}
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(string(text))
}

func failed(err error) {
	say("failed", map[string]any{"text": err.Error()})
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(argument string) error {
	var given settings
	if err := json.Unmarshal([]byte(argument), &given); err != nil {
		return err
	}
	connection, err := connect()
	if err != nil {
		return err
	}
	published, err := publish(connection, given)
	if err != nil {
		return err
	}
	joined := join{url: given.URL, token: given.Token, connection: connection}
	connection.OnICECandidate(joined.found)
	listen(connection, given.Senses)
	if err := joined.post(); err != nil {
		return err
	}
	go func() {
		if err := published.send(); err != nil {
			failed(err)
		}
	}()
	if err := obey(&joined); err != nil {
		return err
	}
	published.stop()
	return connection.Close()
}

func connect() (*webrtc.PeerConnection, error) {
	// No ICE servers: addresses of this machine are enough, that of the loopback among them.
	var engine webrtc.SettingEngine
	engine.SetIncludeLoopbackCandidate(true)
	connection, err := webrtc.NewAPI(webrtc.WithSettingEngine(engine)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		say("state", map[string]any{"state": state.String()})
	})
	return connection, nil
}

func obey(joined *join) error {
	words := bufio.NewScanner(os.Stdin)
	for words.Scan() {
		var err error
		switch words.Text() {
		case "restart":
			err = joined.restart()
		case "leave":
			err = joined.leave()
		default:
			err = errors.New("no such word: " + words.Text())
		}
		if err != nil {
			return err
		}
	}
	return words.Err()
}
