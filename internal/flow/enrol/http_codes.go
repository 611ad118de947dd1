package enrol

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
)

type leftResponse struct {
	Body struct {
		Left int `json:"left"`
	}
}

func (s *Service) handleCodesLeft(ctx context.Context, _ *struct{}) (*leftResponse, error) {
	st, err := find(ctx, s.DB, session.FromContext(ctx), s.DB.Now())
	if err != nil {
		return nil, err
	}
	var out leftResponse
	out.Body.Left = st.BackupCodes
	return &out, nil
}

type codesResponse struct {
	Body struct {
		Codes []string `json:"backup_codes" doc:"Shown now and never again; each is good once"`
	}
}

func (s *Service) handleNewCodes(ctx context.Context, _ *struct{}) (*codesResponse, error) {
	codes, err := s.NewCodes(ctx, session.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	var out codesResponse
	out.Body.Codes = codes
	return &out, nil
}

func (s *Service) handleClearCodes(ctx context.Context, _ *struct{}) (*emptyResponse, error) {
	return nil, s.ClearCodes(ctx, session.FromContext(ctx))
}

func (s *Service) handleEnableMail(ctx context.Context, _ *struct{}) (*emptyResponse, error) {
	return nil, s.EnableMail(ctx, session.FromContext(ctx))
}

func (s *Service) handleDisableMail(ctx context.Context, _ *struct{}) (*emptyResponse, error) {
	return nil, s.DisableMail(ctx, session.FromContext(ctx))
}
