// The whole life of a conference by the client that oapi-codegen makes of our description. Tells what came of it as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"parley/scenario/api/generatedclient/parley"
)

type settings struct {
	URL      string `json:"url"`
	Username string `json:"username"`
	Password string `json:"password"`
	Offer    string `json:"offer"`
}

func main() {
	var given settings
	if err := json.Unmarshal([]byte(os.Args[1]), &given); err != nil {
		panic(err)
	}
	told, err := json.Marshal(life(context.Background(), given))
	if err != nil {
		panic(err)
	}
	fmt.Println(string(told))
}

// as makes a client with a credential.
func as(url, token string) *parley.ClientWithResponses {
	client, err := parley.NewClientWithResponses(url, parley.WithRequestEditorFn(
		func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer "+token)
			return nil
		}))
	if err != nil {
		panic(err)
	}
	return client
}

// there is the typed body of an answer; a nil one means that the status was another.
func there[T any](body *T, answer []byte) T {
	if body == nil {
		panic("not the answer that was expected: " + string(answer))
	}
	return *body
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func life(ctx context.Context, given settings) map[string]any {
	login := must(as(given.URL, "").LogInWithResponse(ctx, parley.Login{Username: given.Username, Password: given.Password}))
	client := as(given.URL, there(login.JSON200, login.Body).Token)

	name := "made by Go"
	created := must(client.CreateConferenceWithResponse(ctx, nil, parley.NewConference{Type: "conference", Name: &name}))
	conference := there(created.JSON200, created.Body)

	ada, role := "Ada", parley.NewJoinTokenRole("member")
	made := must(client.CreateJoinTokenWithResponse(ctx, conference.Id, nil, parley.NewJoinToken{Name: &ada, Role: &role}))
	link := there(made.JSON200, made.Body)

	person := as(given.URL, link.Token)
	entered := must(person.JoinConferenceWithResponse(ctx, conference.Id, nil, parley.Join{Offer: given.Offer}))
	joined := there(entered.JSON201, entered.Body)
	call := joined.Conferencecall
	listed := must(client.ListConferencecallsWithResponse(ctx, &parley.ListConferencecallsParams{ConferenceId: &conference.Id}))
	calls := [][]string{}
	for _, one := range there(listed.JSON200, listed.Body).Result {
		if one.Id == call.Id {
			calls = append(calls, []string{one.Name, string(one.Role)})
		}
	}

	written := must(client.CreateMessageWithResponse(ctx, conference.Id, nil, parley.NewMessage{Text: "hello"}))
	message := there(written.JSON200, written.Body)
	read := must(client.ListMessagesWithResponse(ctx, conference.Id, nil))
	messages := []string{}
	for _, one := range there(read.JSON200, read.Body).Result {
		if one.Id == message.Id {
			messages = append(messages, one.Text)
		}
	}

	removed := must(client.RemoveConferencecallWithResponse(ctx, call.Id, nil))
	kicked := there(removed.JSON200, removed.Body)
	barred := must(person.JoinConferenceWithResponse(ctx, conference.Id, nil, parley.Join{Offer: given.Offer}))
	missing := must(client.GetConferencecallWithResponse(ctx, conference.Id))
	stranger := must(as(given.URL, "no token").GetConferenceWithResponse(ctx, conference.Id))

	events, limit := []string{}, 2
	for after := new(int); after != nil; {
		answer := must(client.ListEventsWithResponse(ctx, conference.Id, &parley.ListEventsParams{After: after, Limit: &limit}))
		page := there(answer.JSON200, answer.Body)
		for _, event := range page.Result {
			events = append(events, string(event.Type))
		}
		after = page.NextAfter
	}

	over := must(client.EndConferenceWithResponse(ctx, conference.Id))
	ended := there(over.JSON200, over.Body)
	size, all := 1, parley.ListConferencesParamsStatus("all")
	newest := must(client.ListConferencesWithResponse(ctx, &parley.ListConferencesParams{PageSize: &size, Status: &all}))
	first := there(newest.JSON200, newest.Body)

	return map[string]any{
		"conference": []string{conference.Name, string(conference.Status)},
		"link":       strings.HasPrefix(link.Url, given.URL+"/meet/"),
		"answer":     strings.HasPrefix(joined.Answer, "v=0"),
		"calls":      calls,
		"messages":   messages,
		"kicked":     kicked.LeaveReason,
		"refused": []parley.ProblemErrorReason{
			there(barred.JSON401, barred.Body).Error.Reason,
			there(missing.JSON404, missing.Body).Error.Reason,
			there(stranger.JSON401, stranger.Body).Error.Reason,
		},
		"events": events,
		"ended":  ended.Status == "terminating" || ended.Status == "terminated",
		"first":  len(first.Result) == 1 && first.Result[0].Id == conference.Id,
	}
}
