package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"
)

// join speaks RFC 9725 with the server.
type join struct {
	url, token string
	connection *webrtc.PeerConnection

	lock sync.Mutex
	// Where the join is and which ICE run it is in; empty before the answer.
	location, etag string
	answer         string
	// Candidates wait until there is somewhere to send them.
	candidates []string
	is_through bool
}

func (j *join) request(method, where, kind, body string, headers map[string]string) (*http.Response, string, error) {
	wanted, err := http.NewRequest(method, where, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	wanted.Header.Set("Authorization", "Bearer "+j.token)
	if kind != "" {
		wanted.Header.Set("Content-Type", kind)
	}
	for name, value := range headers {
		wanted.Header.Set(name, value)
	}
	reply, err := http.DefaultClient.Do(wanted)
	if err != nil {
		return nil, "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return reply, string(text), err
}

func (j *join) post() error {
	offer, err := j.connection.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := j.connection.SetLocalDescription(offer); err != nil {
		return err
	}
	reply, text, err := j.request("POST", j.url, "application/sdp", offer.SDP, nil)
	if err != nil {
		return err
	}
	say("answered", map[string]any{
		"status": reply.StatusCode, "type": reply.Header.Get("Content-Type"),
		"location": reply.Header.Get("Location"), "text": text,
	})
	if reply.StatusCode != http.StatusCreated {
		return errors.New("refused")
	}
	where, err := url.Parse(j.url)
	if err != nil {
		return err
	}
	if where, err = where.Parse(reply.Header.Get("Location")); err != nil {
		return err
	}
	j.lock.Lock()
	j.location, j.etag, j.answer = where.String(), reply.Header.Get("ETag"), text
	j.lock.Unlock()
	answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}
	if err := j.connection.SetRemoteDescription(answer); err != nil {
		return err
	}
	return j.trickle()
}

// found takes a candidate, or nil after the last.
func (j *join) found(candidate *webrtc.ICECandidate) {
	j.lock.Lock()
	if candidate == nil {
		j.is_through = true
	} else {
		j.candidates = append(j.candidates, "a="+candidate.ToJSON().Candidate)
	}
	j.lock.Unlock()
	if err := j.trickle(); err != nil {
		failed(err)
	}
}

// trickle sends the candidates that were found since the last time.
func (j *join) trickle() error {
	j.lock.Lock()
	defer j.lock.Unlock()
	if j.location == "" || (len(j.candidates) == 0 && !j.is_through) {
		return nil
	}
	lines := j.candidates
	if j.is_through {
		lines = append(lines, "a=end-of-candidates")
	}
	j.candidates, j.is_through = nil, false
	reply, text, err := j.patch(lines, j.etag)
	if err != nil {
		return err
	}
	say("trickled", map[string]any{"status": reply.StatusCode, "candidates": len(lines), "text": text})
	return nil
}

var credential = regexp.MustCompile(`(?m)^a=(ice-ufrag|ice-pwd):(\S+)`)

// credentials gives the first of each in a description or a fragment.
func credentials(text string) map[string]string {
	found := map[string]string{}
	for _, match := range credential.FindAllStringSubmatch(text, -1) {
		if _, is_known := found[match[1]]; !is_known {
			found[match[1]] = match[2]
		}
	}
	return found
}

func (j *join) patch(lines []string, etag string) (*http.Response, string, error) {
	ours := credentials(j.connection.LocalDescription().SDP)
	fragment := append([]string{
		"a=ice-ufrag:" + ours["ice-ufrag"], "a=ice-pwd:" + ours["ice-pwd"], "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0",
	}, lines...)
	return j.request("PATCH", j.location, "application/trickle-ice-sdpfrag",
		strings.Join(fragment, "\r\n")+"\r\n", map[string]string{"If-Match": etag})
}

// restart asks for a new ICE run and takes the server's new credentials into the old answer.
func (j *join) restart() error {
	offer, err := j.connection.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		return err
	}
	// Candidates found from here on belong to the new run and wait for its answer.
	j.lock.Lock()
	defer func() {
		j.lock.Unlock()
		if err := j.trickle(); err != nil {
			failed(err)
		}
	}()
	if err := j.connection.SetLocalDescription(offer); err != nil {
		return err
	}
	reply, text, err := j.patch(nil, "*")
	if err != nil {
		return err
	}
	say("restarted", map[string]any{"status": reply.StatusCode, "type": reply.Header.Get("Content-Type"), "text": text})
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("a restart was answered %d", reply.StatusCode)
	}
	j.etag = reply.Header.Get("ETag")
	theirs := credentials(text)
	j.answer = credential.ReplaceAllStringFunc(j.answer, func(found string) string {
		name := credential.FindStringSubmatch(found)[1]
		return "a=" + name + ":" + theirs[name]
	})
	return j.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: j.answer})
}

func (j *join) leave() error {
	reply, _, err := j.request("DELETE", j.location, "", "", nil)
	if err != nil {
		return err
	}
	say("left", map[string]any{"status": reply.StatusCode})
	return nil
}
