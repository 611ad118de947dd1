package manage

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns the admin API. A {account} is the account's id, as tokens and the API name it.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/admin/accounts/", web.StaffToken, web.JSON(s.handleSearch)).Needs(role.StaffReadAccounts).Says("Look accounts up; query: by, prefix, status, after, limit"),
		web.Post("/admin/accounts/bulk/", web.StaffToken, web.JSON(s.handleBulk)).Needs(role.StaffManageAccounts).Says("Do one thing to up to 200 accounts, each for itself"),
		web.Get("/admin/accounts/{account}/", web.StaffToken, web.JSON(s.handleDetail)).Needs(role.StaffReadAccounts).Says("Everything about a person: account, sessions, audit, mails"),
		web.Patch("/admin/accounts/{account}/", web.SuperuserToken, web.JSON(s.handleRank)).Says("Change an account's rank or staff role; it is signed out"),
		web.Post("/admin/accounts/{account}/disable/", web.StaffToken, web.JSON(s.on(s.Disable))).Needs(role.StaffManageAccounts).Says("Keep an account from signing in and end its sessions"),
		web.Post("/admin/accounts/{account}/enable/", web.StaffToken, web.JSON(s.on(s.Enable))).Needs(role.StaffManageAccounts).Says("Let a disabled account sign in again"),
		web.Post("/admin/accounts/{account}/sign-out/", web.StaffToken, web.JSON(s.on(s.SignOut))).Needs(role.StaffManageAccounts).Says("End all sessions of an account"),
		web.Post("/admin/accounts/{account}/send-reset/", web.StaffToken, web.JSON(s.on(s.SendReset))).Needs(role.StaffManageAccounts).Says("Mail a link to choose a new password"),
		web.Post("/admin/accounts/{account}/unlock/", web.StaffToken, web.JSON(s.on(s.Unlock))).Needs(role.StaffManageAccounts).Says("Forgive an account its failed sign-ins"),
		web.Post("/admin/accounts/{account}/reset-factors/", web.SuperuserToken, web.JSON(s.handleResetFactors)).Says("Take all second factors from an account whose owner lost them; it is signed out"),
		web.Post("/admin/accounts/{account}/cancel-recovery/", web.StaffToken, web.JSON(s.on(s.CancelRecovery))).Needs(role.StaffManageAccounts).Says("Keep who says that they lost them from removing an account's second factors"),
		web.Get("/admin/sessions/", web.StaffToken, web.JSON(s.handleSessions)).Needs(role.StaffReadSessions).Says("Sessions, the newest first; query: account, after, limit"),
		web.Delete("/admin/sessions/{id}/", web.StaffToken, web.JSON(s.handleEndSession)).Needs(role.StaffEndSessions).Says("End one session").Answers(http.StatusNoContent),
		web.Get("/admin/audit/", web.StaffToken, web.JSON(s.handleAudit)).Needs(role.StaffReadAudit).Says("Audit events, the newest first; query: account, tenant, kind, actor, address, since, until, after, limit"),
		web.Get("/admin/audit/export/", web.StaffToken, web.Raw(s.serveExport)).Needs(role.StaffReadAudit).Says("The same as CSV, at most 100,000"),
		web.Get("/admin/mails/", web.StaffToken, web.JSON(s.handleMails)).Needs(role.StaffReadMails).Says("The mail queue; query: state, after, limit"),
		web.Post("/admin/mails/{id}/retry/", web.StaffToken, web.JSON(s.handleRetry)).Needs(role.StaffManageMails).Says("Try a dead letter again").Answers(http.StatusNoContent),
		web.Delete("/admin/mails/{id}/", web.StaffToken, web.JSON(s.handleDiscard)).Needs(role.StaffManageMails).Says("Discard a dead letter").Answers(http.StatusNoContent),
	}
}

// caller is who holds the token. Its rank and role are read again where something changes.
func (s *Service) caller(ctx context.Context) Actor {
	b := session.FromContext(ctx)
	return Actor{ID: b.AccountID, Staff: b.Staff, Superuser: b.Superuser, permissions: s.Roles.Permissions(b.StaffRole)}
}

type accountRequest struct {
	Account string `path:"account"`
}

type accountResponse struct{ Body account.JSON }

func answer(a *account.Account, err error) (*accountResponse, error) {
	if err != nil {
		return nil, err
	}
	return &accountResponse{a.JSON()}, nil
}

// on adapts what is done to one account.
func (s *Service) on(deed func(ctx context.Context, by Actor, subject string) (*account.Account, error)) func(context.Context, *accountRequest) (*accountResponse, error) {
	return func(ctx context.Context, in *accountRequest) (*accountResponse, error) {
		return answer(deed(ctx, s.caller(ctx), in.Account))
	}
}

type rankRequest struct {
	Account string `path:"account"`
	Body    struct {
		Staff     *bool   `json:"is_staff,omitempty"`
		Superuser *bool   `json:"is_superuser,omitempty" doc:"Includes is_staff"`
		StaffRole *string `json:"staff_role,omitempty" maxLength:"32" doc:"What a member of staff may do; whoever becomes staff without one is operator"`
	}
}

func (s *Service) handleRank(ctx context.Context, in *rankRequest) (*accountResponse, error) {
	return answer(s.SetRank(ctx, s.caller(ctx), in.Account, Rank{Staff: in.Body.Staff, Superuser: in.Body.Superuser, Role: in.Body.StaffRole}))
}

type resetFactorsRequest struct {
	Account string `path:"account"`
	Body    struct {
		Reason string `json:"reason" maxLength:"2000" doc:"10 to 300 characters, for the audit"`
	}
}

func (s *Service) handleResetFactors(ctx context.Context, in *resetFactorsRequest) (*accountResponse, error) {
	return answer(s.ResetFactors(ctx, s.caller(ctx), in.Account, in.Body.Reason))
}

type accountsResponse struct {
	Body struct {
		Accounts []account.JSON `json:"accounts"`
		Next     string         `json:"next" doc:"What after= takes for the next page; empty at the end"`
	}
}

func (s *Service) handleSearch(ctx context.Context, _ *struct{}) (*accountsResponse, error) {
	q, err := web.ReadQuery(ctx, "by", "prefix", "status", "after", "limit")
	if err != nil {
		return nil, err
	}
	page, err := s.Search(ctx, s.caller(ctx), Query{By: q.Get("by"), Prefix: q.Get("prefix"), Status: q.Get("status"), After: q.Get("after"), Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	var out accountsResponse
	out.Body.Accounts, out.Body.Next = listed(page.Items, (*account.Account).JSON), page.Next
	return &out, nil
}

type detailResponse struct{ Body DetailJSON }

func (s *Service) handleDetail(ctx context.Context, in *accountRequest) (*detailResponse, error) {
	d, err := s.Detail(ctx, s.caller(ctx), in.Account)
	if err != nil {
		return nil, err
	}
	return &detailResponse{d.JSON()}, nil
}

type bulkRequest struct {
	Body struct {
		Action   string   `json:"action" enum:"disable,enable,sign-out,send-reset,unlock"`
		Accounts []string `json:"accounts" minItems:"1" maxItems:"200" doc:"Ids"`
	}
}

type bulkResponse struct {
	Body struct {
		Outcomes []OutcomeJSON `json:"outcomes" doc:"In the order asked for, each account once"`
	}
}

func (s *Service) handleBulk(ctx context.Context, in *bulkRequest) (*bulkResponse, error) {
	outcomes, err := s.Bulk(ctx, s.caller(ctx), Action(in.Body.Action), in.Body.Accounts)
	if err != nil {
		return nil, err
	}
	var out bulkResponse
	out.Body.Outcomes = listed(outcomes, Outcome.JSON)
	return &out, nil
}

type sessionsResponse struct {
	Body struct {
		Sessions []SessionJSON `json:"sessions"`
		Next     string        `json:"next"`
	}
}

func (s *Service) handleSessions(ctx context.Context, _ *struct{}) (*sessionsResponse, error) {
	q, err := web.ReadQuery(ctx, "account", "after", "limit")
	if err != nil {
		return nil, err
	}
	page, err := s.Sessions(ctx, s.caller(ctx), SessionQuery{Account: q.Get("account"), After: q.Get("after"), Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	var out sessionsResponse
	out.Body.Sessions, out.Body.Next = listed(page.Items, SessionOf), page.Next
	return &out, nil
}

type idRequest struct {
	ID string `path:"id"`
}

func (s *Service) handleEndSession(ctx context.Context, in *idRequest) (*struct{}, error) {
	id, err := uuid.Parse(in.ID)
	if err != nil {
		return nil, session.ErrNotFound
	}
	return nil, s.EndSession(ctx, s.caller(ctx), id)
}

type mailsResponse struct {
	Body struct {
		Mails []MailJSON `json:"mails"`
		Next  string     `json:"next"`
		Count countsJSON `json:"counts" doc:"Each stops at 1,000"`
	}
}

type countsJSON struct {
	Waiting int `json:"waiting"`
	Running int `json:"running"`
	Dead    int `json:"dead"`
	Done    int `json:"done" doc:"In the last 7 days"`
}

func (s *Service) handleMails(ctx context.Context, _ *struct{}) (*mailsResponse, error) {
	q, err := web.ReadQuery(ctx, "state", "after", "limit")
	if err != nil {
		return nil, err
	}
	page, err := s.Mails(ctx, s.caller(ctx), MailQuery{State: q.Get("state"), After: q.Get("after"), Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	counts, err := s.MailCounts(ctx)
	if err != nil {
		return nil, err
	}
	var out mailsResponse
	out.Body.Mails, out.Body.Next, out.Body.Count = listed(page.Items, Mail.JSON), page.Next, countsJSON(counts)
	return &out, nil
}

func (s *Service) handleRetry(ctx context.Context, in *idRequest) (*struct{}, error) {
	return s.actOnMail(ctx, in, s.RetryMail)
}

func (s *Service) handleDiscard(ctx context.Context, in *idRequest) (*struct{}, error) {
	return s.actOnMail(ctx, in, s.DiscardMail)
}

func (s *Service) actOnMail(ctx context.Context, in *idRequest, deed func(ctx context.Context, by Actor, id uuid.UUID) error) (*struct{}, error) {
	id, err := uuid.Parse(in.ID)
	if err != nil {
		return nil, jobs.ErrNotFound
	}
	return nil, deed(ctx, s.caller(ctx), id)
}
