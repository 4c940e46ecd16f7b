package cloud66sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"
)

// redeployParams are the documented parameters of a redeploy; any other is refused, so that no mistake passes unnoticed.
var redeployParams = []string{"git_ref", "services", "deployment_profile", "user_reference"}

// readRedeploy merges the parameters of the query and of the form or JSON body, which goes before the query.
func readRedeploy(c *call) (redeployRequest, error) {
	params := c.URL.Query()
	body, err := bodyParams(c)
	if err != nil {
		return redeployRequest{}, err
	}
	for name, values := range body {
		if strings.Join(values, "") != "" {
			params[name] = values
		}
	}
	var services []string
	for _, values := range [][]string{params["services"], params["services[]"]} {
		for _, value := range values {
			services = append(services, splitServices(value)...)
		}
	}
	delete(params, "services[]")
	for name := range params {
		if !slices.Contains(redeployParams, name) {
			return redeployRequest{}, fmt.Errorf("parameter %q is unknown", name)
		}
	}
	return redeployRequest{
		gitRef: params.Get("git_ref"), services: services,
		profile: params.Get("deployment_profile"), userReference: params.Get("user_reference"),
	}, nil
}

func splitServices(text string) []string {
	var services []string
	for service := range strings.SplitSeq(text, ",") {
		if service = strings.TrimSpace(service); service != "" {
			services = append(services, service)
		}
	}
	return services
}

// bodyParams are the parameters in a body, whose type must be given.
func bodyParams(c *call) (url.Values, error) {
	if len(c.body) == 0 {
		return nil, nil
	}
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil {
		return nil, errors.New("the Content-Type of the body is missing or not valid")
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(c.body))
		if err != nil {
			return nil, fmt.Errorf("the body is no form: %w", err)
		}
		return form, nil
	case "application/json":
		return jsonParams(c.body)
	}
	return nil, fmt.Errorf("a body of type %s is not understood", kind)
}

// jsonParams are the fields of a JSON object: strings, null for what is absent, and for services an array of strings too.
func jsonParams(body []byte) (url.Values, error) {
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, fmt.Errorf("the body is no JSON object: %w", err)
	}
	params := url.Values{}
	for name, field := range fields {
		switch value := field.(type) {
		case nil:
			params[name] = nil
		case string:
			params.Set(name, value)
		case []any:
			texts, err := serviceTexts(name, value)
			if err != nil {
				return nil, err
			}
			params[name] = texts
		default:
			return nil, fmt.Errorf("parameter %q must be a string", name)
		}
	}
	return params, nil
}

func serviceTexts(name string, values []any) ([]string, error) {
	texts := make([]string, 0, len(values))
	for _, value := range values {
		text, isText := value.(string)
		if !isText || name != "services" {
			return nil, fmt.Errorf("parameter %q must be a string", name)
		}
		texts = append(texts, text)
	}
	return texts, nil
}
