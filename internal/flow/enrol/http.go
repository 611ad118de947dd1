package enrol

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this flow answers.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/2fa/", web.SignedIn, web.JSON(s.handleStatus)).Says("What the account can prove itself with"),
		web.Post("/2fa/setup/", web.FreshToken, web.JSON(s.handleSetup)).Says("Begin to add an authenticator app"),
		web.Post("/2fa/enable/", web.FreshToken, web.JSON(s.handleEnable)).Says("Add that app, by its first code"),
		web.Post("/2fa/disable/", web.FreshToken, web.JSON(s.handleDisable)).Says("Remove one authenticator app, or all"),
		web.Patch("/2fa/devices/{id}/", web.FreshToken, web.JSON(s.handleRenameApp)).Says("Rename an authenticator app").Answers(http.StatusNoContent),
		web.Delete("/2fa/devices/{id}/", web.FreshToken, web.JSON(s.handleRemoveApp)).Says("Remove an authenticator app").Answers(http.StatusNoContent),
		web.Get("/2fa/backup-codes/", web.SignedIn, web.JSON(s.handleCodesLeft)).Says("How many backup codes are left"),
		web.Post("/2fa/backup-codes/", web.FreshToken, web.JSON(s.handleNewCodes)).Says("Make new backup codes in place of the former ones"),
		web.Delete("/2fa/backup-codes/", web.FreshToken, web.JSON(s.handleClearCodes)).Says("Make all backup codes worthless").Answers(http.StatusNoContent),
		web.Post("/2fa/email/", web.FreshToken, web.JSON(s.handleEnableMail)).Says("Make a code by mail the step after the password").Answers(http.StatusNoContent),
		web.Delete("/2fa/email/", web.FreshToken, web.JSON(s.handleDisableMail)).Says("Take that step away").Answers(http.StatusNoContent),
		web.Get("/passkeys/", web.SignedIn, web.JSON(s.handlePasskeys)).Says("List the account's passkeys"),
		web.Post("/passkeys/register/begin/", web.FreshToken, web.JSON(s.handleBegin)).Says("Begin to add a passkey"),
		web.Post("/passkeys/register/finish/", web.FreshToken, web.JSON(s.handleFinish)).Says("Add the passkey that the browser made"),
		web.Patch("/passkeys/{id}/", web.FreshToken, web.JSON(s.handleRenamePasskey)).Says("Rename a passkey").Answers(http.StatusNoContent),
		web.Delete("/passkeys/{id}/", web.FreshToken, web.JSON(s.handleRemovePasskey)).Says("Remove a passkey").Answers(http.StatusNoContent),
	}
}

type emptyResponse struct{}

// idOf returns what a path names, or uuid.Nil, which names nothing: an id has one spelling.
func idOf(text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.Nil
	}
	return id
}

// optional is null in JSON where t is zero.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type appJSON struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"created_at"`
	LastUsed  *time.Time `json:"last_used_at" doc:"null before the first time"`
}

func newAppJSON(d *totp.Device) appJSON {
	return appJSON{d.ID.String(), d.Name, d.CreatedAt, optional(d.LastUsedAt)}
}

type statusResponse struct {
	Body struct {
		Apps      []appJSON     `json:"totp" doc:"Authenticator apps"`
		Passkeys  []passkeyJSON `json:"passkeys"`
		CodesLeft int           `json:"backup_codes_left"`
		Email     bool          `json:"email_code" doc:"Whether a code by mail is the step after the password"`
		Required  bool          `json:"required" doc:"Whether policy asks for a second factor"`
		Level     string        `json:"level_reachable" enum:"aal1,aal2" doc:"The highest level that a session of the account can have"`
	}
}

func (s *Service) handleStatus(ctx context.Context, _ *struct{}) (*statusResponse, error) {
	st, err := s.Status(ctx, session.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	var out statusResponse
	b := &out.Body
	b.Apps, b.Passkeys = []appJSON{}, passkeysJSON(st.Passkeys)
	for i := range st.Apps {
		b.Apps = append(b.Apps, newAppJSON(&st.Apps[i]))
	}
	b.CodesLeft, b.Email, b.Required, b.Level = st.BackupCodes, st.Email, st.Required, st.Reachable().ACR()
	return &out, nil
}

type setupRequest struct {
	Body *struct {
		Name string `json:"name,omitempty" maxLength:"64" doc:"What to call the app"`
	}
}

type setupResponse struct{ Body totp.JSON }

func (s *Service) handleSetup(ctx context.Context, in *setupRequest) (*setupResponse, error) {
	name := ""
	if in.Body != nil {
		name = in.Body.Name
	}
	setup, err := s.StartApp(ctx, session.FromContext(ctx), name)
	if err != nil {
		return nil, err
	}
	body, err := setup.JSON()
	return &setupResponse{body}, err
}

type enableRequest struct {
	Body struct {
		Code string `json:"code" pattern:"^[0-9]{6}$" doc:"The six digits that the app shows now"`
	}
}

type enableResponse struct {
	Body struct {
		Device appJSON  `json:"device"`
		Codes  []string `json:"backup_codes,omitempty" doc:"Shown now and never again; with the first second factor only"`
	}
}

func (s *Service) handleEnable(ctx context.Context, in *enableRequest) (*enableResponse, error) {
	app, codes, err := s.ConfirmApp(ctx, session.FromContext(ctx), in.Body.Code)
	if err != nil {
		return nil, err
	}
	var out enableResponse
	out.Body.Device, out.Body.Codes = newAppJSON(app), codes
	return &out, nil
}

type disableRequest struct {
	Body *struct {
		ID *string `json:"id,omitempty" maxLength:"64" doc:"Which app; all of them if missing"`
	}
}

type detailResponse struct {
	Body struct {
		Detail string `json:"detail"`
	}
}

func (s *Service) handleDisable(ctx context.Context, in *disableRequest) (*detailResponse, error) {
	by := session.FromContext(ctx)
	var err error
	if in.Body != nil && in.Body.ID != nil {
		err = s.RemoveApp(ctx, by, idOf(*in.Body.ID))
	} else {
		err = s.RemoveApps(ctx, by)
	}
	if err != nil {
		return nil, err
	}
	var out detailResponse
	out.Body.Detail = "Codes of the app are not asked for any more."
	return &out, nil
}

type nameRequest struct {
	ID   string `path:"id"`
	Body struct {
		Name string `json:"name" maxLength:"64"`
	}
}

type idRequest struct {
	ID string `path:"id"`
}

func (s *Service) handleRenameApp(ctx context.Context, in *nameRequest) (*emptyResponse, error) {
	return nil, s.RenameApp(ctx, session.FromContext(ctx), idOf(in.ID), in.Body.Name)
}

func (s *Service) handleRemoveApp(ctx context.Context, in *idRequest) (*emptyResponse, error) {
	return nil, s.RemoveApp(ctx, session.FromContext(ctx), idOf(in.ID))
}
