package gatehousetest_test

import (
	"testing"

	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

func TestBattery(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	gatehousetest.Run(t, srv.Target())
}
