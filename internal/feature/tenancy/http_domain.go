package tenancy

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

type domainsResponse struct {
	Body struct {
		Domains []tenant.DomainJSON `json:"domains"`
	}
}

func (s *Service) handleDomains(ctx context.Context, _ *struct{}) (*domainsResponse, error) {
	all, err := s.Domains(ctx, tenant.FromContext(ctx).Tenant.ID)
	if err != nil {
		return nil, err
	}
	out := &domainsResponse{}
	out.Body.Domains = make([]tenant.DomainJSON, len(all))
	for i := range all {
		out.Body.Domains[i] = all[i].JSON()
	}
	return out, nil
}

type domainResponse struct{ Body tenant.DomainJSON }

func answerDomain(d *tenant.Domain, err error) (*domainResponse, error) {
	if err != nil {
		return nil, err
	}
	return &domainResponse{d.JSON()}, nil
}

type addDomainRequest struct {
	Body struct {
		Domain string `json:"domain" maxLength:"253" doc:"Such as example.com"`
	}
}

func (s *Service) handleAddDomain(ctx context.Context, in *addDomainRequest) (*domainResponse, error) {
	return answerDomain(s.AddDomain(ctx, actorOf(ctx), tenant.FromContext(ctx).Tenant.ID, in.Body.Domain))
}

type domainRequest struct {
	Domain string `path:"domain"`
}

func (s *Service) handleVerifyDomain(ctx context.Context, in *domainRequest) (*domainResponse, error) {
	return answerDomain(s.VerifyDomain(ctx, actorOf(ctx), tenant.FromContext(ctx).Tenant.ID, in.Domain))
}

func (s *Service) handleRemoveDomain(ctx context.Context, in *domainRequest) (*struct{}, error) {
	return nil, s.RemoveDomain(ctx, actorOf(ctx), tenant.FromContext(ctx).Tenant.ID, in.Domain, "")
}
