import { useParams } from "@tanstack/react-router";
import { EndpointPage } from "../features/endpoints/EndpointPage";

/** The page of the endpoint whose id stands in the address. */
export function EndpointRoute() {
  const { id } = useParams({ from: "/endpoints/$id" });
  return <EndpointPage id={Number(id)} />;
}
