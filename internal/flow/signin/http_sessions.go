package signin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
)

type sessionJSON struct {
	ID        string      `json:"id"`
	Current   bool        `json:"current" doc:"The session of the token sent"`
	Transport string      `json:"transport" doc:"How it is carried: body, cookie, page (these pages) or look (a member of staff looks at them)"`
	Device    string      `json:"device"`
	Address   string      `json:"address"`
	Place     place.Place `json:"place,omitempty" doc:"Where the address lies, roughly; missing where that is not known"`
	Methods   []string    `json:"amr"`
	ACR       string      `json:"acr"`
	CreatedAt time.Time   `json:"created_at"`
	LastSeen  time.Time   `json:"last_seen_at"`
	ExpiresAt time.Time   `json:"expires_at"`
}

type sessionsResponse struct {
	Body struct {
		Sessions []sessionJSON `json:"sessions"`
	}
}

func (s *Service) handleSessions(ctx context.Context, _ *struct{}) (*sessionsResponse, error) {
	me := session.FromContext(ctx)
	all, err := s.Sessions(ctx, me.AccountID)
	if err != nil {
		return nil, err
	}
	var out sessionsResponse
	out.Body.Sessions = make([]sessionJSON, len(all))
	for i, one := range all {
		out.Body.Sessions[i] = sessionJSON{
			ID: one.ID.String(), Current: one.ID == me.SessionID, Transport: one.Client.Transport, Device: one.Device, Address: one.Address,
			Place: s.Places.Find(one.Address), Methods: one.Methods, ACR: one.Level.ACR(), CreatedAt: one.CreatedAt, LastSeen: one.LastSeen, ExpiresAt: one.ExpiresAt,
		}
	}
	return &out, nil
}

type endedResponse struct {
	Body struct {
		Ended int64 `json:"ended" doc:"How many sessions"`
	}
}

func (s *Service) handleEndOthers(ctx context.Context, _ *struct{}) (*endedResponse, error) {
	n, err := s.EndOthers(ctx, session.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	var out endedResponse
	out.Body.Ended = n
	return &out, nil
}

type sessionRequest struct {
	ID string `path:"id"`
}

func (s *Service) handleEndSession(ctx context.Context, in *sessionRequest) (*emptyResponse, error) {
	id, err := uuid.Parse(in.ID)
	if err != nil || id.String() != in.ID {
		return nil, session.ErrNotFound
	}
	return nil, s.EndOne(ctx, session.FromContext(ctx).AccountID, id)
}
