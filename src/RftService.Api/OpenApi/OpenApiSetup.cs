namespace RftService.Api.OpenApi;

internal static class OpenApiSetup
{
    public static void AddRftOpenApi(this IServiceCollection services) { services.AddEndpointsApiExplorer(); services.AddSwaggerGen(); }
    public static void UseRftOpenApi(this WebApplication app) { app.UseSwagger(); app.UseSwaggerUI(); }
}
