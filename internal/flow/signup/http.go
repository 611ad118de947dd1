package signup

import (
	"context"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// browserCookie tells the page that the mailed link leads to which browser registered. It proves
// nothing else; over https its name gets the prefix __Host-.
const browserCookie = "gatehouse-registration"

// Routes returns what this flow answers under the mount.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Post("/register/", web.Public, web.JSON(s.handleRegister)).Says("Register; a mail asks to confirm the address").Answers(http.StatusCreated),
		web.Post("/email/verify/", web.Public, web.JSON(s.handleVerify)).Says("Confirm an address with the mailed token; this makes the account"),
		web.Post("/email/verify/resend/", web.Public, web.JSON(s.handleResend)).Says("Mail the link of a waiting registration once more").Answers(http.StatusAccepted),
	}
}

type registerRequest struct {
	Body struct {
		Email      string         `json:"email" maxLength:"1024"`
		Password   string         `json:"password" maxLength:"65536"`
		FullName   string         `json:"full_name" maxLength:"255"`
		Phone      *string        `json:"phone,omitempty" maxLength:"20"`
		Username   string         `json:"username,omitempty" maxLength:"1024" doc:"Claimed when the address is confirmed"`
		Locale     *string        `json:"locale,omitempty" maxLength:"35" doc:"Language tag (BCP 47) of mails"`
		Attributes map[string]any `json:"attributes,omitempty" doc:"Custom members as declared"`
	}
}

type addressResponse struct {
	Body struct {
		Email  string `json:"email"`
		Detail string `json:"detail"`
	}
}

func (s *Service) handleRegister(ctx context.Context, in *registerRequest) (*addressResponse, error) {
	q, b := web.FromContext(ctx), in.Body
	r := Registration{Email: b.Email, Password: b.Password, Username: b.Username, Address: q.Address,
		Profile: account.Change{FullName: &b.FullName, Phone: b.Phone, Locale: b.Locale, Attributes: b.Attributes}}
	if q.FromOwnPage() {
		r.Browser = secret.NewToken()
	}
	var out addressResponse
	var err error
	if out.Body.Email, err = s.Register(ctx, r); err != nil {
		return nil, err
	}
	out.Body.Detail = "We have sent a mail to this address. Follow its link to go on."
	if r.Browser != "" {
		err = q.SetCookie(browserCookie, r.Browser, s.cfg.Lifetime)
	}
	return &out, err
}

type verifyRequest struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"1024"`
		Password string `json:"password,omitempty" maxLength:"65536" doc:"The one chosen at registration. Pages that people reach from a mail should ask for it: a stranger may have registered the address"`
		Username string `json:"username,omitempty" maxLength:"1024" doc:"Instead of the one registered, when the answer was username_taken"`
	}
}

func (s *Service) handleVerify(ctx context.Context, in *verifyRequest) (*addressResponse, error) {
	b := in.Body
	if b.Password != "" {
		return confirmed(s.Confirm(ctx, Confirmation{Token: b.Token, Password: b.Password, Username: b.Username}))
	}
	return confirmed(s.Verify(ctx, b.Token, b.Username))
}

func confirmed(a *account.Account, err error) (*addressResponse, error) {
	if err != nil {
		return nil, err
	}
	var out addressResponse
	out.Body.Email, out.Body.Detail = a.Email, "Your address is confirmed. You can sign in now."
	return &out, nil
}

type resendRequest struct {
	Body struct {
		Email string `json:"email" maxLength:"1024"`
	}
}

type detailResponse struct {
	Body struct {
		Detail string `json:"detail"`
	}
}

func (s *Service) handleResend(ctx context.Context, in *resendRequest) (*detailResponse, error) {
	if err := s.Resend(ctx, in.Body.Email, web.FromContext(ctx).Address); err != nil {
		return nil, err
	}
	var out detailResponse
	out.Body.Detail = "If a registration waits for this address, we have sent its link once more."
	return &out, nil
}
